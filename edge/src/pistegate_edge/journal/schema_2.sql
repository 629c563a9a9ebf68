-- Journal schema 2, from 1: card uses of tills, what cards confirmed here, claims verified here.

CREATE TABLE card_use (
    epoch INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    name BLOB NOT NULL,
    state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'unsettled')),
    PRIMARY KEY (epoch, seq)                  -- rows go when it is known whether the card was changed
) WITHOUT ROWID;

CREATE TABLE confirmed (                      -- the highest counters that a card confirmed here; rowid: order of use
    medium BLOB NOT NULL,
    claim BLOB NOT NULL,
    used_total INTEGER NOT NULL,
    returns INTEGER NOT NULL,
    bank_used INTEGER NOT NULL,               -- minutes
    UNIQUE (medium, claim)
);

CREATE TABLE verified_claim (                 -- signed claims seen on cards here; rowid: order of learning
    digest BLOB NOT NULL UNIQUE,
    signed BLOB NOT NULL
);

PRAGMA user_version = 2;
