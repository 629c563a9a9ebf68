-- Journal schema 3, from 2: what a lane board had counted when an admission was recorded; usage of codes.

ALTER TABLE admission ADD COLUMN boot TEXT;        -- the board's run, 8 hex digits; NULL: no board that counts
ALTER TABLE admission ADD COLUMN counted INTEGER;  -- persons that it had counted in that run

CREATE TABLE code_usage (                     -- what codes of a ticket used here; rowid: order of use
    ticket INTEGER NOT NULL UNIQUE,
    usage BLOB NOT NULL,                      -- 32 bytes, naming the last admission
    tick INTEGER                              -- newest period of a rotating code; NULL: of a code that stands
);

PRAGMA user_version = 3;
