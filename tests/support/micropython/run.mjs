// SPDX-License-Identifier: Apache-2.0
// Runs one program under MicroPython: node run.mjs FOLDER_OF_MICROPYTHON < request.json
// request: {"files": {"/lib/x.py": "text", ...}, "main": "Python text", "heap": bytes}. An uncaught error exits with 1.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const { loadMicroPython } = await import(pathToFileURL(process.argv[2] + "/micropython.mjs").href);
const request = JSON.parse(readFileSync(0, "utf8"));
const printed = [];
const mp = await loadMicroPython({ heapsize: request.heap, stdout: (line) => printed.push(line), linebuffer: true });

for (const [path, text] of Object.entries(request.files)) {
  const parts = path.split("/").slice(1, -1);
  parts.forEach((_, at) => {
    const folder = "/" + parts.slice(0, at + 1).join("/");
    if (!mp.FS.analyzePath(folder).exists) mp.FS.mkdir(folder);
  });
  mp.FS.writeFile(path, text);
}
let status = 0;
try {
  await mp.runPythonAsync(request.main);
} catch (error) {
  status = 1;
  process.stderr.write(String(error.message ?? error) + "\n");
}
process.stdout.write(printed.map((line) => line + "\n").join(""), () => process.exit(status));
