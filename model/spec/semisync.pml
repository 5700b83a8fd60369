/*
 * Semi-synchronous replication as an abstract protocol, for SPIN. A second road to the verdicts of
 * the matrix: written from what servers do, not from the code under test.
 *
 * The idea. Transactions are numbered 1..N in the order in which they first get a GTID. Where the
 * pipeline stands is one number, a mark: "written up to w, durable up to d, published up to
 * pub, engine-committed up to e". What a crash took away is a hole in a set of numbers; numbers are
 * never given twice: two transactions under one GTID (the same place in two histories) still have
 * two numbers. All decisions are taken by one process: each option of the loop at the end is one
 * step that a server, a disk, the network, the manager or a fault can take.
 *
 * README.md beside this file lists the parameters, what is said here and what is not.
 */

/* ---- parameters (-D), with the safe settings as defaults ------------------------------------ */

#define ASYNC        0 /* WAIT: where a commit waits for an ACK */
#define AFTER_COMMIT 1
#define AFTER_SYNC   2
#define BEFORE_WRITE 3
#define AFTER_FSYNC  0 /* PUBLISH: when dump threads may read; ACK: when the replica answers */
#define BEFORE_FSYNC 1
#define AFTER_WRITE  2
#define BEFORE_STORE 3
#define KEEP         0 /* RELAY: what START SLAVE does with relay logs that are there */
#define PURGE        1
#define AT_PROMOTION 0 /* APPLIER */
#define FREE         1
#define FAILOVER     0 /* LOSS1, LOSS2: what follows the first and each later loss of the primary */
#define RESTART      1
#define SERVE        0 /* RECOVERY: between crash recovery and letting sessions in */
#define WAIT_ACK     1
#define READ_ONLY    2
#define MOST         0 /* PROMOTE */
#define ANY          1
#define LEAVES       0 /* KILLED: what a wait does whose session was killed: ends (MariaDB), goes on */
#define STAYS        1
#define CONNECTION   0 /* WHAT is killed: the client hears nothing more, or gets its OK */
#define QUERY        1

#ifndef N
#define N 2 /* transactions, at most 4 */
#endif
#ifndef S
#define S 2 /* sessions: transactions that can be under way at once */
#endif
#ifndef R
#define R 1 /* replicas, 1 or 2 */
#endif
#ifndef WAIT
#define WAIT AFTER_SYNC
#endif
#ifndef SYNC_BINLOG
#define SYNC_BINLOG 1 /* 0 or 1 */
#endif
#ifndef PUBLISH
#define PUBLISH AFTER_FSYNC
#endif
#ifndef TIMEOUT
#define TIMEOUT 0 /* 1: a wait may end in asynchronous replication */
#endif
#ifndef RECOVERY
#define RECOVERY SERVE
#endif
#ifndef ACK
#define ACK AFTER_FSYNC
#endif
#ifndef RELAY
#define RELAY KEEP
#endif
#ifndef APPLIER
#define APPLIER FREE
#endif
#ifndef LOSS1
#define LOSS1 FAILOVER
#endif
#ifndef LOSS2
#define LOSS2 LOSS1
#endif
#ifndef PROMOTE
#define PROMOTE MOST
#endif
#ifndef KILL_P
#define KILL_P 0 /* budgets of faults; _P the primary, _R the replicas together */
#endif
#ifndef POWER_P
#define POWER_P 0
#endif
#ifndef LIE_P
#define LIE_P 0 /* a binlog fsync that keeps nothing */
#endif
#ifndef KILL_R
#define KILL_R 0
#endif
#ifndef POWER_R
#define POWER_R 0
#endif
#ifndef LIE_R
#define LIE_R 0 /* a relay log fsync that keeps nothing */
#endif
#ifndef FAIL_P
#define FAIL_P 0 /* a binlog fsync that fails, upon which the server ends itself (ABORT_SERVER) */
#endif
#ifndef RESET
#define RESET 0 /* of a connection between two healthy ends */
#endif
#ifndef COUNT
#define COUNT 1 /* replicas that must ACK, at most R */
#endif
#ifndef CUT
#define CUT 0 /* 1: crash recovery cuts what is in doubt off the binlog (init-rpl-role=SLAVE) */
#endif
#ifndef DOWN_R
#define DOWN_R 0 /* 1: a replica that crashed stays down */
#endif
#ifndef KILL_S
#define KILL_S 0 /* budgets of operators: KILL of a session whose group waits for an ACK */
#endif
#ifndef KILLED
#define KILLED LEAVES
#endif
#ifndef WHAT
#define WHAT CONNECTION
#endif
#ifndef STOP_R
#define STOP_R 0 /* STOP SLAVE, and START SLAVE as often */
#endif
#ifndef SET_OFF
#define SET_OFF 0 /* semi-sync disabled on the primary, and enabled as often */
#endif
#ifndef PARTITION
#define PARTITION 0 /* the primary cut off for good, but not from its clients; nobody fences it */
#endif
#ifndef QUIET
#define QUIET 0 /* 1: faults may stop for good, and then every client has to be answered (LIVE) */
#endif

/* ---- state ---------------------------------------------------------------------------------- */

#define upto(k)  ((1 << (k)) - 1)
#define bit(k)   (1 << ((k) - 1))
#define low(m)   ((m) & (0 - (m)))
#define count(m) (((m) & 1) + (((m) >> 1) & 1) + (((m) >> 2) & 1) + (((m) >> 3) & 1))

#define SERVING    0
#define RECOVERING 1 /* up after a crash, dump threads run, sessions are kept out */
#define DEAD       2
#define POWERLESS  3
#define PROMOTED   4 /* a replica has taken over: nothing is judged after that */

byte primary = SERVING;
byte begun;    /* transactions that sessions have started */
byte queued;   /* prepared in the engine, no GTID yet */
byte given;    /* last number given, with a place in the order of the binlog */
byte w;        /* last written to the binlog (page cache) */
byte claimed;  /* last that a binlog fsync answered for */
byte d;        /* last that truly is on the primary's disk */
byte pub;      /* last that dump threads may read */
byte entered;  /* end of the group that has entered the stage of the AFTER_SYNC wait */
byte passed;   /* end of the group that has left it */
byte e;        /* last committed in the engine, visible to readers */
byte ed;       /* last whose commit record is in the redo log on disk */
byte answered; /* last whose client was told, or will never be */
byte ack;      /* highest ACK that the primary has counted */
bool off;      /* fallen back to asynchronous */
byte hole;     /* numbers that the binlog has lost */
byte ehole;    /* numbers that the engine has lost */
byte loose;    /* set: recovery took it from the page cache, and no fsync has covered it since */
byte ghost;    /* set: lost from there, but the file that recovery began says that they were */
byte losses;   /* of the primary */
byte freed;    /* set: whose wait a KILL has ended */
byte gone;     /* set: whose clients were cut off */
bool disabled; /* by an operator */
byte unasked;  /* published before semi-sync was enabled: not known, not waited for */

byte okayed;   /* set: clients that got OK */
byte seen;     /* set: what any reader could see on a serving primary */

typedef replica {
    bool down;
    bool connected = 1;
    byte pos;     /* mark in the primary's order: how far this stream has come */
    byte stored;  /* set: in the relay log (page cache) or applied */
    byte memory;  /* set: received, not yet in any file */
    byte durable; /* set: truly on disk */
    byte applied; /* set: in the replica's engine, durable there */
    byte asked;   /* mark to be ACKed; the next event is read after that */
    bool synced;  /* an fsync has answered for it */
    byte flight;  /* ACK on the wire */
    byte told;    /* highest ACK of it that the primary has counted */
    bool stopped; /* by an operator */
    byte vouched; /* set: all that its ACKs release */
}
replica r[R];

byte kill_p = KILL_P, power_p = POWER_P, lie_p = LIE_P;
byte kill_r = KILL_R, power_r = POWER_R, lie_r = LIE_R;
byte fail_p = FAIL_P, reset = RESET, kill_s = KILL_S;
byte stop_r = STOP_R, start_r = STOP_R, set_off = SET_OFF, set_on = SET_OFF;
bool cut, quiet;

byte bad;    /* promises broken: one bit each */
byte judged; /* promises that were put to the test with something at stake */
byte i, k, m, x; /* scratch of one step, 0 between steps */

#define NOLOSS_BIT    1
#define NOPHANTOM_BIT 2
#define NOAHEAD_BIT   4
#define AGREE_BIT     8
#define ACKTRUE_BIT   16
#define CONVERGE_BIT  32
#define LIVE_BIT      64

ltl NOLOSS    { [] ((bad & NOLOSS_BIT) == 0) }
ltl NOPHANTOM { [] ((bad & NOPHANTOM_BIT) == 0) }
ltl NOAHEAD   { [] ((bad & NOAHEAD_BIT) == 0) }
ltl AGREE     { [] ((bad & AGREE_BIT) == 0) }
ltl ACKTRUE   { [] ((bad & ACKTRUE_BIT) == 0) }
ltl CONVERGE  { [] ((bad & CONVERGE_BIT) == 0) }
ltl LIVE      { [] ((bad & LIVE_BIT) == 0) }
/* A promise was put to the test: "never" has to be refuted, else a "holds" is empty. */
ltl never_NOLOSS    { [] ((judged & NOLOSS_BIT) == 0) }
ltl never_NOPHANTOM { [] ((judged & NOPHANTOM_BIT) == 0) }
ltl never_NOAHEAD   { [] ((judged & NOAHEAD_BIT) == 0) }
ltl never_AGREE     { [] ((judged & AGREE_BIT) == 0) }
ltl never_ACKTRUE   { [] ((judged & ACKTRUE_BIT) == 0) }
ltl never_CONVERGE  { [] ((judged & CONVERGE_BIT) == 0) }
ltl never_LIVE      { [] ((judged & LIVE_BIT) == 0) }

/* judge(PROMISE, what is at stake, what of it is broken) */
inline judge(promise, stake, broken)
{
    if
    :: (stake) != 0 -> judged = judged | promise
    :: else
    fi;
    if
    :: (broken) != 0 -> bad = bad | promise
    :: else
    fi
}

#define binlog   (upto(w) & ~hole)
#define stream   (upto(pub) & ~hole) /* what the dump threads can send, in order */
#define places   (stream | ghost)    /* taken in the order, whether there is something or not */
#define engine   (upto(e) & ~ehole)
#define up       (primary == SERVING || primary == RECOVERING)
#define lost     (primary == DEAD || primary == POWERLESS)
#define follows  ((losses <= 1 && LOSS1 == RESTART) || (losses > 1 && LOSS2 == RESTART))
#define nowait   (WAIT == ASYNC || off || disabled)
#define synced_w (SYNC_BINLOG == 0 || claimed == w)

/* ---- the primary's pipeline ----------------------------------------------------------------- */

/* Sizes of a commit group: whoever is not in it stays queued for the next. */
inline take_group()
{
    do
    :: given = given + 1; queued = queued - 1;
        if
        :: queued > 0
        :: break
        fi
    od
}

/* May the group pass from the wait to the engine commit? Groups do not overtake one another: the
 * one before has to be through with its commits. */
#define may_pass (entered > passed && e == passed && (WAIT == AFTER_COMMIT || nowait || \
    ack >= entered || entered <= unasked || (freed & bit(entered)) != 0))

#if WAIT == BEFORE_WRITE
/* order, publish (from memory), wait, write, fsync, commit */
#define may_order   (queued > 0 && entered == given)
#define may_write   (passed > w)
#define may_publish (pub < given)
#define may_enter   (pub == given && entered < pub && passed == entered)
#define may_commit  (e < passed && w == passed && synced_w)
#else
/* order and write, fsync, publish (or the other way round), wait, commit */
#define may_order   (queued > 0 && (PUBLISH == BEFORE_FSYNC -> pub == w : entered == w))
#define may_write   (given > w)
#define may_publish (pub < w && (PUBLISH == BEFORE_FSYNC || synced_w))
#define may_enter   (pub == w && w == given && entered < w && synced_w && passed == entered)
#define may_commit  (e < passed)
#endif

#define waits (!nowait && (WAIT == AFTER_COMMIT -> (answered < e && ack <= answered) : \
    (entered > passed && ack < entered)))

/* The ACK that COUNT replicas have given. */
inline count_acks()
{
#if R == 1
    ack = r[0].told
#else
    if
    :: (r[0].told > r[1].told) == (COUNT == 1) -> ack = r[0].told
    :: else -> ack = r[1].told
    fi
#endif
}

/* KILL of one of the group that waits: its first is the leader, which waits for all of them. */
#define may_kill (WAIT != AFTER_COMMIT && entered > passed && !nowait && ack < entered || \
    WAIT == AFTER_COMMIT && answered < e && !nowait && ack < e)

inline kill_one()
{
    x = (WAIT == AFTER_COMMIT -> answered + 1 : passed + 1);
    do
    :: x < (WAIT == AFTER_COMMIT -> e : entered) -> x = x + 1
    :: break
    od;
    if
    :: WHAT == CONNECTION -> gone = gone | bit(x)
    :: else
    fi;
    if
    :: KILLED == LEAVES && WAIT == AFTER_COMMIT -> freed = freed | bit(x)
    :: KILLED == LEAVES && WAIT != AFTER_COMMIT && x == passed + 1 -> freed = freed | bit(entered)
    :: else
    fi;
    x = 0
}

/* ---- crash recovery of the primary ---------------------------------------------------------- */

/* What is in the binlog is committed, what is only prepared is rolled back; an engine commit whose
 * record had reached the disk stays whatever the binlog says. The commits are made durable, the
 * binlog that was read is not: what a killed server left in the page cache may still be lost, any
 * end of it, while the engine keeps it. The GTID list of the next file counts it: its place is not
 * given again. All marks start again behind the last number that was ever given. */
inline recover()
{
    k = w;
    if
    :: primary == POWERLESS ->
        k = d;
        do
        :: k < w -> k = k + 1
        :: break
        od;
        do
        :: loose != 0 -> loose = loose & ~low(loose)
        :: break
        od;
        hole = hole | loose;
        ghost = ghost | loose;
        loose = 0
    :: else -> loose = loose | (upto(w) & ~upto(d) & ~hole)
    fi;
    m = upto(k) & ~hole;
#if CUT
    m = m & upto(ed) & ~ehole;
    loose = loose & m;
#endif
    x = m | (upto(ed) & ~ehole);
    hole = upto(given) & ~m;
    ehole = upto(given) & ~x;
    w = given; claimed = given; d = given; pub = given; entered = given; passed = given;
    e = given; ed = given; answered = given; queued = 0; ack = 0; off = 0;
    disabled = 0; unasked = 0; freed = 0; gone = 0;
    i = 0;
    do
    :: i < R -> r[i].connected = 0; r[i].flight = 0; r[i].told = 0; i = i + 1
    :: else -> break
    od;
    primary = RECOVERING
}

/* The restarted primary lets sessions in: it is elected once more. */
inline serve()
{
    primary = SERVING;
    judge(NOLOSS_BIT, okayed, okayed & ~engine);
    judge(NOPHANTOM_BIT, seen, seen & ~engine);
    judge(AGREE_BIT, binlog | engine, binlog ^ engine);
    seen = seen | engine;
    i = 0;
    do
    :: i < R ->
        judge(NOAHEAD_BIT, r[i].stored | r[i].memory,
            (r[i].stored | r[i].memory) & ~binlog);
        i = i + 1
    :: else -> break
    od
}

/* ---- a replica ------------------------------------------------------------------------------ */

#define asks_for(n) (n < R && !r[n].down && !r[n].connected && !r[n].stopped && up && !cut && \
    count(r[n].stored) <= count(places))

/* GTID connect: the place in the order is all that is compared, so a replica that holds another
 * transaction under the same GTID is let in without a word. Ahead of the primary: refused. */
inline connect(n)
{
    k = 0;
    do
    :: count(upto(k) & places) < count(r[n].stored) -> k = k + 1
    :: else -> break
    od;
    r[n].pos = k;
    r[n].connected = 1;
    r[n].flight = 0; r[n].asked = 0; r[n].synced = 0;
    if
    :: primary == RECOVERING && k > r[n].told -> r[n].told = k; count_acks()
    :: else
    fi;
    judge(CONVERGE_BIT, r[n].stored, r[n].stored ^ (upto(k) & stream));
    k = 0
}

/* What was on the wire when the primary went down may still arrive. */
#define receives(n) (n < R && !r[n].down && r[n].connected && !cut && r[n].asked == 0 && \
    (stream & ~upto(r[n].pos)) != 0)

inline receive(n)
{
    x = low(stream & ~upto(r[n].pos));
    do
    :: bit(r[n].pos + 1) == x -> break
    :: else -> r[n].pos = r[n].pos + 1
    od;
    r[n].pos = r[n].pos + 1;
    r[n].asked = r[n].pos;
    r[n].synced = 0;
#if ACK == BEFORE_STORE
    r[n].memory = r[n].memory | x;
#else
    r[n].stored = r[n].stored | x;
#endif
    x = 0
}

#define may_ack(n) (n < R && !r[n].down && r[n].connected && r[n].asked != 0 && \
    (ACK != AFTER_FSYNC || r[n].synced))

inline send_ack(n)
{
#if WAIT != ASYNC
    r[n].flight = r[n].asked;
    r[n].vouched = r[n].vouched | (stream & upto(r[n].asked));
    judge(ACKTRUE_BIT, 0, r[n].vouched & ~(r[n].stored | r[n].memory));
#endif
    r[n].asked = 0;
    r[n].synced = 0
}

inline replica_crash(n)
{
    r[n].down = 1; r[n].connected = 0; r[n].memory = 0; r[n].asked = 0; r[n].synced = 0;
    r[n].pos = 0
}

inline disconnect(n)
{
    r[n].connected = 0; r[n].flight = 0; r[n].asked = 0; r[n].synced = 0; r[n].pos = 0
}

/* A prefix of the relay log survives, at least what is durable. */
inline lose_power(n)
{
    replica_crash(n);
    x = r[n].stored;
    r[n].stored = r[n].durable | r[n].applied;
    do
    :: (x & ~r[n].stored) != 0 -> r[n].stored = r[n].stored | low(x & ~r[n].stored)
    :: break
    od;
    r[n].durable = r[n].stored;
    x = 0
}

inline replica_restart(n)
{
    r[n].down = 0;
#if RELAY == PURGE
    r[n].stored = r[n].applied;
    r[n].durable = r[n].applied;
#endif
    judge(ACKTRUE_BIT, r[n].vouched, r[n].vouched & ~r[n].stored)
}

/* ---- failover ------------------------------------------------------------------------------- */

#if R == 1
#define most(n) 1
#else
#define most(n) (r[1 - n].down || count(r[n].stored) >= count(r[1 - n].stored))
#endif
#define electable(n) (n < R && !r[n].down && (PROMOTE == ANY || most(n)) && \
    ((lost && !follows) || (cut && primary == SERVING)))

inline promote(n)
{
    judge(NOLOSS_BIT, okayed, okayed & ~r[n].stored);
    judge(NOPHANTOM_BIT, seen, seen & ~r[n].stored);
    primary = PROMOTED
}

/* All steps of replica n; the compiler drops those of a replica that is not there. */
#define REPLICA_STEPS(n) \
    :: atomic { primary != PROMOTED && receives(n) -> receive(n) } \
    :: atomic { primary != PROMOTED && n < R && r[n].memory != 0 -> \
        r[n].stored = r[n].stored | low(r[n].memory); \
        r[n].memory = r[n].memory & ~low(r[n].memory) } \
    :: atomic { primary != PROMOTED && n < R && ACK == AFTER_FSYNC && r[n].asked != 0 && \
        !r[n].synced -> r[n].synced = 1; r[n].durable = r[n].durable | r[n].stored } \
    :: atomic { primary != PROMOTED && n < R && ACK == AFTER_FSYNC && r[n].asked != 0 && \
        !r[n].synced && lie_r > 0 && !quiet -> r[n].synced = 1; lie_r = lie_r - 1 } \
    :: atomic { primary != PROMOTED && may_ack(n) -> send_ack(n) } \
    :: atomic { n < R && r[n].flight != 0 && up && !cut -> \
        if :: r[n].flight > r[n].told -> r[n].told = r[n].flight; count_acks() :: else fi; \
        if :: r[n].flight >= w -> off = 0 :: else fi; \
        r[n].flight = 0 } \
    :: atomic { primary != PROMOTED && n < R && APPLIER == FREE && !r[n].down && \
        (r[n].stored & ~r[n].applied) != 0 -> \
        r[n].applied = r[n].applied | low(r[n].stored & ~r[n].applied) } \
    :: atomic { asks_for(n) -> connect(n) } \
    :: atomic { primary != PROMOTED && n < R && !r[n].down && kill_r > 0 && !quiet -> \
        kill_r = kill_r - 1; replica_crash(n) } \
    :: atomic { primary != PROMOTED && n < R && !r[n].down && power_r > 0 && !quiet -> \
        power_r = power_r - 1; lose_power(n) } \
    :: atomic { primary != PROMOTED && n < R && r[n].down && !DOWN_R -> replica_restart(n) } \
    :: atomic { n < R && RESET && up && r[n].connected && reset > 0 && !quiet -> \
        reset = reset - 1; disconnect(n) } \
    :: atomic { n < R && STOP_R && up && !r[n].down && !r[n].stopped && stop_r > 0 && !quiet -> \
        stop_r = stop_r - 1; r[n].stopped = 1; disconnect(n) } \
    :: atomic { n < R && STOP_R && up && r[n].stopped && start_r > 0 && !quiet -> \
        start_r = start_r - 1; r[n].stopped = 0 } \
    :: atomic { electable(n) -> promote(n) }

/* ---- everything that can happen ------------------------------------------------------------- */

active proctype world()
{
end:
    do
    /* A session prepares: its redo flush takes the commit records of others along. */
    :: atomic { primary == SERVING && begun < N && queued + given - answered < S ->
        begun = begun + 1; queued = queued + 1; ed = e }
    :: atomic { primary == SERVING && may_order -> take_group() }
    :: atomic { primary == SERVING && may_write -> w = (WAIT == BEFORE_WRITE -> passed : given) }
    :: atomic { primary == SERVING && SYNC_BINLOG != 0 && claimed < w -> claimed = w; d = w }
    :: atomic { primary == SERVING && SYNC_BINLOG != 0 && claimed < w && lie_p > 0 && !quiet ->
        claimed = w; lie_p = lie_p - 1 }
    :: atomic { primary == SERVING && may_publish -> pub = (WAIT == BEFORE_WRITE -> given : w) }
    :: atomic { primary == SERVING && may_enter -> entered = pub }
    :: atomic { primary == SERVING && may_pass -> passed = entered }
    :: atomic { primary == SERVING && may_commit -> e = e + 1; seen = seen | bit(e) }
    :: atomic { primary == SERVING && answered < e &&
        (WAIT != AFTER_COMMIT || nowait || ack > answered || unasked > answered ||
        (freed & bit(answered + 1)) != 0) ->
        answered = answered + 1; okayed = okayed | (bit(answered) & ~gone) }
    :: atomic { primary == SERVING && TIMEOUT != 0 && waits -> off = 1 }

    :: atomic { up && !cut && kill_p > 0 && !quiet ->
        kill_p = kill_p - 1; losses = losses + 1; primary = DEAD }
    :: atomic { up && !cut && power_p > 0 && !quiet ->
        power_p = power_p - 1; losses = losses + 1; primary = POWERLESS }
    :: atomic { primary == SERVING && SYNC_BINLOG != 0 && claimed < w && fail_p > 0 && !quiet ->
        fail_p = fail_p - 1; losses = losses + 1; primary = DEAD }
    :: atomic { primary == SERVING && KILL_S != 0 && kill_s > 0 && may_kill && !quiet ->
        kill_s = kill_s - 1; kill_one() }
    :: atomic { primary == SERVING && set_off > 0 && !disabled && !quiet ->
        set_off = set_off - 1; disabled = 1 }
    :: atomic { primary == SERVING && set_on > 0 && disabled && !quiet ->
        /* On at once; what was published before was never asked for. */
        set_on = set_on - 1; disabled = 0; off = 0; unasked = pub }
    :: atomic { PARTITION != 0 && primary == SERVING && !cut && !quiet -> cut = 1 }
    :: atomic { lost && follows -> recover(); k = 0; m = 0; x = 0; i = 0 }
    :: atomic { primary == RECOVERING && (RECOVERY == SERVE ||
        (RECOVERY == WAIT_ACK && (binlog & ~upto(ack)) == 0)) -> serve(); i = 0 }
    :: atomic { primary == RECOVERING && RECOVERY == READ_ONLY ->
        /* Catches up first from every replica that is there. */
        i = 0;
        do
        :: i < R && !r[i].down ->
            hole = hole & ~r[i].stored; ehole = ehole & ~r[i].stored; i = i + 1
        :: i < R && r[i].down -> i = i + 1
        :: else -> break
        od;
        serve(); i = 0 }

    REPLICA_STEPS(0)
#if R > 1
    REPLICA_STEPS(1)
#endif

#if QUIET
    :: atomic { !quiet && !cut -> quiet = 1 }
    :: else ->
        /* Nothing more can happen. With no fault to come, nobody may be left waiting, but for a
         * replica that an operator has stopped. */
        if
        :: quiet && up && !r[0].stopped ->
            judge(LIVE_BIT, 1, primary == RECOVERING || begun < N || answered < given || queued > 0)
        :: else
        fi;
        break
#endif
    od
}
