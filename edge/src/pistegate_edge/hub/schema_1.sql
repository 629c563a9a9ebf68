-- The hub's journal, schema 1, from nothing. Times are milliseconds since 1970 UTC by the hub's own clock.

CREATE TABLE identity (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    site INTEGER NOT NULL,
    hub INTEGER NOT NULL
);

CREATE TABLE gate (
    number INTEGER PRIMARY KEY,
    epoch INTEGER NOT NULL,                   -- as it joined last
    decided INTEGER NOT NULL,                 -- every reservation of that epoch up to this number is decided
    joined INTEGER NOT NULL
);

CREATE TABLE heard (
    gate INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    seq INTEGER NOT NULL,                     -- events of its ledger that are in here, up to this one
    PRIMARY KEY (gate, epoch)
) WITHOUT ROWID;

CREATE TABLE reservation (
    gate INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    number INTEGER NOT NULL,
    ticket INTEGER NOT NULL,
    counters BLOB NOT NULL,                   -- of the gate's source if it comes about; empty: nobody is charged
    owed BLOB,                                -- the admission whose owed persons it may let in
    made INTEGER NOT NULL,
    PRIMARY KEY (gate, epoch, number)
) WITHOUT ROWID;
CREATE INDEX reservation_ticket ON reservation (ticket);

CREATE TABLE used (
    ticket INTEGER NOT NULL,
    source BLOB NOT NULL,                     -- who counts (pistegate_protocol.elsewhere)
    counters BLOB NOT NULL,                   -- the newest known of it
    at INTEGER NOT NULL,
    PRIMARY KEY (ticket, source)
) WITHOUT ROWID;
CREATE INDEX used_at ON used (at);

CREATE TABLE card_use (                       -- admissions of cards that may still turn out not to have been charged
    name BLOB PRIMARY KEY,
    ticket INTEGER NOT NULL,
    counters BLOB NOT NULL,
    at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX card_use_ticket ON card_use (ticket);

CREATE TABLE owed (
    admission BLOB PRIMARY KEY,
    ticket INTEGER NOT NULL,
    gate INTEGER NOT NULL,
    epoch INTEGER NOT NULL,                   -- in which the gate told it, with its ledger at seq
    seq INTEGER NOT NULL,
    leads_out INTEGER NOT NULL,
    persons INTEGER NOT NULL,
    until INTEGER NOT NULL,
    held INTEGER NOT NULL                     -- 1: the gate may still honour it by itself
) WITHOUT ROWID;
CREATE INDEX owed_ticket ON owed (ticket);

CREATE TABLE spent (                          -- admissions whose owed persons were let in
    admission BLOB PRIMARY KEY,
    at INTEGER NOT NULL
) WITHOUT ROWID;

PRAGMA user_version = 1;
