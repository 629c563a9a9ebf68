-- Journal schema 1, from nothing. Times are milliseconds since 1970 UTC unless said otherwise.

CREATE TABLE identity (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    site INTEGER NOT NULL,
    gate INTEGER NOT NULL,
    epoch_counter INTEGER NOT NULL            -- of the newest epoch; only rises
);

CREATE TABLE epoch (
    stream INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    position INTEGER NOT NULL,                -- the epoch's counter: the order of epochs
    acked_seq INTEGER NOT NULL DEFAULT 0,     -- stored for good in the cloud up to here
    PRIMARY KEY (stream, epoch)
) WITHOUT ROWID;

CREATE TABLE event (
    stream INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    payload BLOB NOT NULL,
    head BLOB NOT NULL,                       -- of the chain after this event
    PRIMARY KEY (stream, epoch, seq)
) WITHOUT ROWID;

CREATE TABLE admission (
    epoch INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    name BLOB NOT NULL,
    party INTEGER NOT NULL,
    passed INTEGER NOT NULL DEFAULT 0,        -- PASSes journaled while it was open
    state TEXT NOT NULL DEFAULT 'unfinished' CHECK (state IN ('unfinished', 'unsettled')),
    PRIMARY KEY (epoch, seq)                  -- rows go when nothing more can come of the admission
) WITHOUT ROWID;

CREATE TABLE owed (
    admission BLOB PRIMARY KEY,
    persons INTEGER NOT NULL,
    boot TEXT NOT NULL,                       -- until_mono compares within this boot only
    until_mono REAL,                          -- seconds
    until_wall INTEGER NOT NULL,
    day TEXT                                  -- site day to whose end a party is owed
) WITHOUT ROWID;

CREATE TABLE document (
    name TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    key_id INTEGER NOT NULL,
    body BLOB NOT NULL,
    signature BLOB NOT NULL
) WITHOUT ROWID;

PRAGMA user_version = 1;
