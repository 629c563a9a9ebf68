-- Journal schema 4, from 3: card and codes of a ticket share its usage.

CREATE TABLE ticket_usage (                   -- what was used of a ticket, as far as this gate knows; rowid: order of use
    ticket INTEGER NOT NULL,
    card INTEGER NOT NULL CHECK (card IN (0, 1)),  -- 1: what its card showed or was told here last;
                                              -- 0: what codes, documents and fingers together used here
    usage BLOB NOT NULL,                      -- 32 bytes, naming the last admission
    tick INTEGER,                             -- newest period of a rotating code; NULL: of a code that stands, of a card
    UNIQUE (ticket, card)
);
INSERT INTO ticket_usage SELECT ticket, 0, usage, tick FROM code_usage ORDER BY rowid;
DROP TABLE code_usage;

PRAGMA user_version = 4;
