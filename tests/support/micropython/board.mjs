// SPDX-License-Identifier: Apache-2.0
// A board's console: real MicroPython's REPL on stdin and stdout, its file system kept in a folder between starts.
// node board.mjs FOLDER_OF_MICROPYTHON FLASH_FOLDER MACHINE_PY; exit status 43: the board resets.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [, , micropython, flash, machine] = process.argv;
const { loadMicroPython } = await import(pathToFileURL(micropython + "/micropython.mjs").href);
const mp = await loadMicroPython({
  heapsize: 8 << 20,
  linebuffer: false,
  stdout: (bytes) => process.stdout.write(Buffer.from(bytes)),
});
const RESET = 43;
const SAVE_MS = 500; // so much may be lost when power is cut, as on a real one
let saved = Date.now();

function load(from, to) {
  for (const name of readdirSync(from)) {
    if (statSync(from + "/" + name).isDirectory()) {
      mp.FS.mkdir(to + "/" + name);
      load(from + "/" + name, to + "/" + name);
    } else mp.FS.writeFile(to + "/" + name, readFileSync(from + "/" + name));
  }
}

function save(from, to) {
  const names = mp.FS.readdir(from).filter((name) => name !== "." && name !== "..");
  for (const name of readdirSync(to)) if (!names.includes(name)) rmSync(to + "/" + name, { recursive: true });
  for (const name of names) {
    const at = from + "/" + name;
    if (mp.FS.isDir(mp.FS.stat(at).mode)) {
      if (!existsSync(to + "/" + name)) mkdirSync(to + "/" + name);
      save(at, to + "/" + name);
    } else writeFileSync(to + "/" + name, mp.FS.readFile(at));
  }
}

globalThis.boardReset = () => {
  save("/flash", flash);
  process.exit(RESET);
};
mp.FS.mkdir("/flash");
load(flash, "/flash");
mp.FS.mkdir("/fake");
mp.FS.writeFile("/fake/machine.py", readFileSync(machine, "utf8") + "\n\ndef reset():\n    import js\n    js.boardReset()\n");
mp.runPython("import os, sys; os.chdir('/flash'); sys.path.append('/fake')");
mp.replInit();
// This build's console takes no raw paste, though it says so: answer as one that knows the question and has it not.
const PASTE = Buffer.from([5, 65, 1]);
process.stdin.on("data", (data) => {
  if (data.equals(PASTE)) return process.stdout.write(Buffer.from([82, 0]));
  for (const byte of data) if (mp.replProcessChar(byte)) mp.replInit(); // Ctrl-D: a soft reset
  if (Date.now() - saved > SAVE_MS) {
    save("/flash", flash);
    saved = Date.now();
  }
});
process.stdin.on("end", () => process.exit(0));
