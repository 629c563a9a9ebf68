-- Journal schema 5, from 4: events are forgotten some time after the cloud has them; what goes on without them.

ALTER TABLE epoch ADD COLUMN kept_from INTEGER NOT NULL DEFAULT 1;  -- seq of the first event that is still here
ALTER TABLE epoch ADD COLUMN anchor BLOB;     -- the chain's head before that event; NULL: its beginning
ALTER TABLE epoch ADD COLUMN sum INTEGER;     -- CRC-32 of the row's other values; NULL: written by schema 4 or older
ALTER TABLE admission ADD COLUMN payload BLOB; -- of its event, once that is forgotten
ALTER TABLE card_use ADD COLUMN payload BLOB;  -- likewise

ALTER TABLE identity ADD COLUMN generation INTEGER; -- of the cloud that acknowledged last; NULL: none has

CREATE TABLE running (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    ran INTEGER NOT NULL                      -- seconds that the device has run with this journal
);
INSERT INTO running VALUES (1, 0);

CREATE TABLE ripening (                       -- what was acknowledged when the device had run for `ran` seconds
    stream INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    ran INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (stream, epoch, ran)
) WITHOUT ROWID;

PRAGMA user_version = 5;
