import { dayMs, hourMs, minuteMs, secondMs } from './time.ts';

const kib = 1024;
const mib = 1024 * kib;

/** Every bound of the product, each with its reason. What is cut or refused because of one is counted by whoever cuts it. */
export const limits = {
  /** One WebSocket message. A full-host frame of 2,000 series at 8 rows is about 60 KiB; a dictionary of 5,000 series about 700 KiB. */
  messageBytesMax: 1 * mib,
  /** Frames on the way and not yet acknowledged, per connection: enough to fill 100 ms of latency, little enough to replay cheaply. */
  framesInFlightMax: 64,
  /** Bytes of the same: four of the longest messages, so that one of these does not stop the stream. Past it the agent waits for acknowledgement. */
  frameBytesInFlightMax: 4 * mib,
  /**
   * Work one agent may cause, in units of about 0.1 ms (see ingest/allowance.ts): 5 % of a core steadily, enough to send on a day of a large
   * host's frames in some minutes.
   */
  linkUnitsPerSecond: 500,
  /** Units that may be used at once after a quiet time: 10 s worth, half a second of work. */
  linkUnitsBurst: 5_000,
  /** Debt up to which a link is only slowed: it is paid in 5 s, well within the heartbeat timeout. Beyond it the link is refused. */
  linkDebtUnitsMax: 2_500,
  /** Frames of one agent that wait for the writer, from which its link is paused first when the queue is half full; a usual agent has 1 or 2. */
  heavyLinkFrames: 8,
  /** Bytes of the same, for those who send few and large frames: half of the longest message. */
  heavyLinkBytes: 512 * kib,
  /** Series one agent may name in one boot: node_exporter on a large host has about 3,000. */
  seriesPerAgentMax: 20_000,
  /** Labels of one series: node_os_info has 12; Mimir takes 30 by default, so that what is sent on is not refused there. */
  labelsPerSeriesMax: 30,
  /** Bytes of a label's name: 16 times the longest of the host metrics. */
  labelNameBytesMax: 256,
  /** Bytes of a label's value: as much as Mimir takes by default, so that what is sent on is not refused there. Paths may be longer. */
  labelValueBytesMax: 2 * kib,
  /** Bytes of a metric's name: six times the longest of the host metrics, which has 43. */
  metricNameBytesMax: 256,
  /** Bytes of a help text: six times the longest of the host metrics, which has 172. It is sent once per series dictionary, not with each row. */
  helpBytesMax: 1 * kib,
  /** Rows in one sample frame: a back-fill of 10 minutes at 1 s. */
  rowsPerFrameMax: 600,
  /** Rows times different series of one sample frame: constant values take almost no bytes, so a small frame could else unpack to gigabytes. */
  samplesPerFrameMax: 100_000,
  /** A result that tells nothing new waits so long at most, to share a frame with others: no longer than until the next heartbeat. */
  resultHoldMsMax: 5 * secondMs,
  /** Results in one frame: some 50 ms of work for the collector (20,000 answers a second), so that others get their turn. */
  resultsPerFrameMax: 1_000,
  /** Free text of a result: long enough for a TLS error, short enough to keep in a row. */
  detailCharactersMax: 500,
  /** Measured values of one result (phases, certificate …): three times what the HTTP check, the richest, tells. */
  valuesPerResultMax: 64,
  /** Checks one agent is given: 250 a second at the usual interval, and a configuration of some 2 MiB. */
  checksPerAgentMax: 5_000,
  /** The shortest interval of a check: confirming questions come after 1 s by default, and regular ones must not overtake them. */
  checkIntervalMsMin: 1 * secondMs,
  /** The longest interval of a check: asked once a day, it says nothing of a month's availability; for calendar times there is cron. */
  checkIntervalMsMax: 1 * dayMs,
  /** The longest patience with one answer: it keeps a place of probesAtOnceMax, and a failure is known only after it. */
  checkTimeoutMsMax: 60 * secondMs,
  /** The shortest wait before a confirming question: ten a second do not press a target that is in trouble, and faster ones would all see the same hiccup. */
  checkRetryMsMin: 100,
  /**
   * Probes run at once by one agent, where a batch of pings counts as one; more wait their turn. Each may hold sockets and a body; with answers in
   * 100 ms it is still 640 a second. Questions of the collector have as many places of their own, for the hour when checks hang; more are not asked.
   */
  probesAtOnceMax: 64,
  /** One reading of the host's metrics: a mount or driver that hangs longer is left out of the row. Well below the usual 15 s between rows. */
  hostReadMsMax: 3 * secondMs,
  /** Patience with the mounts within that: a local disk answers in microseconds, a healthy file server in milliseconds. */
  hostMountMsMax: 1 * secondMs,
  /**
   * The most an HTTP check may be told to read of a body (by default 1 MiB): what is longer is a download and no page, and all that is read is held in
   * memory.
   */
  probeBodyBytesMax: 10 * mib,
  /** The agent's spool on disk: a day of 100 series at 15 s takes about 3 MiB, so that it bridges some 80 days. Chosen with `--spool-mib`. */
  spoolBytesDefault: 256 * mib,
  /** One spool file: small enough to give space back soon, large enough to keep the count of files low. */
  spoolSegmentBytes: 1 * mib,
  /** What the agent keeps in memory while its disk takes nothing: hours of 100 series at 15 s, and little beside its own 60 MiB. */
  spoolMemoryBytesMax: 1 * mib,
  /**
   * Heartbeat of the link, both ways, where the collector is not told otherwise: a lost agent is noticed within 15 s, and 10,000 agents send 2,000 short
   * messages a second.
   */
  heartbeatMs: 5 * secondMs,
  /** Silence after which the other side is taken for gone: three missed heartbeats. */
  heartbeatTimeoutMs: 15 * secondMs,
  /** Agents get this long to come back after a restart of the collector or an outage of their zone: the longest reconnect wait (30 s) and some more. */
  reconnectMsMax: 45 * secondMs,
  /**
   * Telling of a lost agent waits this long at most for others of its zone that are overdue: silence is noticed agent by agent within one
   * heartbeat (5 s), and as much again for a collector that is busy.
   */
  outageWaitMsMax: 10 * secondMs,
  /** From connection to welcome, and for the head of any request: some round trips and signatures, also while all agents come back at once. */
  handshakeMsMax: 10 * secondMs,
  /** A proxy's answer to CONNECT, the way to it included: half of the time to the welcome, the other half is for the collector's own. */
  proxyMsMax: 5 * secondMs,
  /**
   * Connected sockets that have not yet proved who they are: strangers hold no more than these, and a fleet that comes back is spread over seconds by its
   * jitter.
   */
  handshakesAtOnceMax: 1_000,
  /**
   * The same of one address (in IPv6 of one /64): a quarter, so that whoever holds his share leaves room for others. Agents behind one address that all
   * come back take a tenth of a second each, so these let 2,500 of them in a second.
   */
  handshakesPerAddressMax: 250,
  /** Agents connected at once, and those whose allowance is remembered after they left: twice the 10,000 connections that were tried (docs/reliability.md). */
  agentsMax: 20_000,
  /** Connections open at once: all agents, all who are on their way to be one, and 3,000 for pages, event streams and scrapers. */
  connectionsMax: 24_000,
  /**
   * Connections of one address (in IPv6 of one /64) that are not those of agents which have proved their keys: four times the handshakes one may have
   * under way, so that a department behind one address comes back at once, and its pages and scrapers beside it; 24 such strangers fill the room.
   */
  connectionsPerAddressMax: 1_000,
  /** Descriptors left for everything else: the database, files that are read again, notices on their way (8 for each of a dozen notifiers). */
  descriptorsKept: 200,
  /** Events waiting for the writer, an eighth of a second of its work: what others wait when all send at once; past it sockets are paused, and the data waits in the agents' spools. */
  queueEventsMax: 2_500,
  /** Bytes of the same, because a frame may have 1 MiB: all that the collector holds in memory of what is not yet stored. */
  queueBytesMax: 64 * mib,
  /** Events taken into one transaction: bounds the time to the next acknowledgement. */
  batchEventsMax: 1_000,
  /** Commits of a busy collector begin at least this far apart: too little to be felt in a notification, enough for a hundred frames of a large fleet. */
  commitGatherMs: 10,
  /** How far back late results may still correct what was recorded: an outage of a week is made good; older figures have gone into reports and stay. */
  correctionMsMax: 7 * dayMs,
  /** Deadlines that were only postponed and are put in their new place when the next one is looked for: some 10 ms of work. */
  deadlineRenewalsMax: 2_000,
  /**
   * Spans of one subject kept in memory for corrections: a change every five minutes for the 7 days of correctionMsMax. Beyond it the oldest can no longer
   * be corrected.
   */
  timelineSpansMax: 2_000,
  /**
   * Entries of one incident's timeline: more than anybody reads. Past it what people do and what opens or ends it is still written, repeated updates are
   * not.
   */
  timelineEntriesMax: 1_000,
  /** Text that is written into an incident, a maintenance window or a rule: two pages, as it is shown whole. */
  noteCharactersMax: 4_000,
  /** Tries of one notification: after the first, 1, 2, 4, 8 and 16 minutes apart and then hourly, these fill a day but for its last hours. */
  notificationTriesMax: 28,
  /** Age at which a notification is given up: a day later it would be taken for news, and the page has long shown it. */
  notificationAgeMsMax: 1 * dayMs,
  /** Tries under way at one notifier: a storm is told in seconds, and a mail or chat server is not pressed. A slow one takes no place of the others. */
  notificationsAtOnceMax: 8,
  /** One notification try, name look-up and TLS included: who takes longer is taken for gone, and is tried again. */
  notificationMsMax: 15 * secondMs,
  /** Bodies of the HTTP API but for declarations: the largest, a list of labels or ids, has some KiB. */
  requestBytesMax: 1 * mib,
  /** Items of one page of a list: few requests for the lists of a whole district, and each a short piece of work between those of others. */
  pageItemsMax: 1_000,
  /** Items of a page where the request does not say: a screen or two. */
  pageItemsDefault: 100,
  /** Points one samples query may return per series: Prometheus's own bound, to which dashboards keep. */
  samplePointsMax: 11_000,
  /** Series of one samples query: more than a graph can show; whoever wants all takes /metrics/fleet. */
  sampleSeriesMax: 500,
  /** Points of all series of one samples query together: about 10 MiB of JSON. */
  samplePointsAllMax: 500_000,
  /** Samples queries answered at once; each may hold some MiB and a share of the event loop. */
  sampleQueriesMax: 4,
  /** Live event streams open at once: a page each for everybody who keeps a district running, and screens; every event is written to all of them. */
  eventStreamsMax: 200,
  /** Events kept for streams that come back with Last-Event-ID: about a minute of a busy collector. */
  eventsKeptMax: 1_000,
  /** Unsent bytes of one event stream; a reader that is further behind is cut off and comes back. */
  eventStreamBytesMax: 1 * mib,
  /** Comment sent on a quiet event stream, so that proxies keep it open and dead peers are found. */
  eventStreamHeartbeatMs: 15 * secondMs,
  /** Failed authentications one address may make at once: some scripts with an old token are not locked out at their first mistake. */
  authFailuresMax: 20,
  /** Time in which an address gets one more of these: 20 a minute, by which no token is guessed. */
  authFailureRefillMs: 3 * secondMs,
  /** Requests one address may make at once: a console with many widgets, not a flood. */
  requestsAtOnceMax: 600,
  /** Time in which an address gets one more of these: 50 a second, more than people and scrapers need. */
  requestRefillMs: 20,
  /** Addresses remembered for both, some MiB at most. Who has more addresses than these gains nothing by having one forgotten. */
  authAddressesMax: 10_000,
  /** Frames of samples decoded between two turns of the event loop: a few ms of work. */
  framesPerSliceMax: 64,
  /**
   * Clock difference between agent and collector that is taken for synchronised and left uncorrected: hosts with NTP keep well within it, and the
   * measurement errs by less.
   */
  clockToleranceMs: 2 * secondMs,
  /** Availability and incident data are kept this long (law asks six months; practice 400 days). */
  historyRetentionMs: 400 * dayMs,
  /** Up to this size the embedded database is checked at start with all its indexes, which takes four times as long. */
  storeFullCheckBytesMax: 32 * mib,
  /** Up to this size it is checked whole without the indexes of its large tables (about a second); a larger one without these tables. */
  storeCheckBytesMax: 256 * mib,
  /** After a start, everything stored is looked at for damage: when those who were away have come back. */
  storeFirstVerifyMs: 1 * minuteMs,
  /** Looking at everything may take so long: 256 GiB at 12 MiB a second, which a slow disk gives beside its work. */
  storeVerifyMsMax: 6 * hourMs,
  /** Write-ahead log on disk after a checkpoint: the disk needs so much room beside the database. A very large commit makes it longer for a while. */
  storeLogBytesMax: 64 * mib,
  /**
   * The embedded database grows no further, before the disk is full for all: some 20 times what 1,000 agents with 50 series each 15 s leave in 15 days.
   * Chosen with `--store-gib`. Past it commits fail and nothing is acknowledged.
   */
  storeBytesDefault: 256 * 1024 * mib,
  /** Frames of samples are kept this long, as by Prometheus: two weeks to look back; longer history belongs into a time series database. */
  frameRetentionMs: 15 * dayMs,
  /** Longest a stopped main waits for its parts to close; systemd kills after 90 s. */
  shutdownMsMax: 10 * secondMs,
  /** A maintenance window longer than this is a decommissioning. */
  maintenanceMsMax: 30 * dayMs,
  /** Enrolment tokens live this long where nothing else is said: an installation takes minutes, and a token that was left somewhere is soon worth nothing. */
  joinTokenMs: 1 * hourMs,
  /** The longest an enrolment token may be made for: after a month nobody remembers that it lies somewhere. */
  joinTokenMsMax: 30 * dayMs,
  /** Agents that may enrol with one token: a fleet is rolled out in parts, and a token that leaks then lets in no more than one part. */
  joinTokenUsesMax: 1_000,
  /** A join token as agents send it: ours have 35 characters, and other issuers may want longer ones. */
  joinTokenCharactersMax: 128,
  /** A resolved incident that comes back within this time is the same fault, and is reopened with its history; later it is a new one. */
  reopenMs: 24 * hourMs,
  /**
   * So many assets of one zone that fail within this time (incidentStormCount of the timing) are a storm, which takes in what fails within as much
   * again; a failure that opened so shortly before its cause belongs to it.
   */
  stormWindowMs: 1 * minuteMs,
  /** A rule's expression: what people still read. */
  ruleExprCharactersMax: 4_000,
  /** Nesting of a rule's expression: it bounds the recursion of parser and evaluation far below what the stack holds; people write some 10. */
  ruleExprDepthMax: 250,
  /** Series all rules together look at: 20 names on 5,000 hosts. */
  ruleSeriesMax: 100_000,
  /** Alerts one rule may hold: past it something is wrong with the rule, not with so many hosts. */
  alertsPerRuleMax: 10_000,
  /** Age at which a sample no longer says anything: Prometheus's look-back, which its rules are written for. */
  sampleStalenessMs: 5 * minuteMs,
  /** A declared registry: 20,000 assets with their checks take about 6 MiB. */
  declarationBytesMax: 16 * mib,
  /** A file that an option or a declaration names: certificates, keys, tokens, secrets. All authorities of a system together are about 200 KiB. */
  namedFileBytesMax: 1 * mib,
  /** How long such a file may take: a disk that is asleep needs seconds; where a file system hangs nothing may wait for it. */
  namedFileMsMax: 5_000,
  /** Earlier declarations looked through for the notifier of a withdrawn route: who declares daily has half a year of them. */
  declarationsLookedBackMax: 200,
  /** Values YAML aliases may stand for, so that a small file cannot blow up in memory. */
  declarationAliasesMax: 100,
  /** Aliases of one file: each is looked up among all anchors. */
  declarationAliasNodesMax: 1_000,
  /** Errors of a declaration that are reported; more help nobody. */
  declarationErrorsMax: 200,
} as const;
