import { dayMs, hourMs, minuteMs, secondMs } from './time.ts';

const kib = 1024;
const mib = 1024 * kib;

/** Every bound of the product, each with its reason. What is cut or refused because of one is counted by whoever cuts it. */
export const limits = {
  /** One WebSocket message. A full-host frame of 2,000 series at 8 rows is about 60 KiB; a dictionary of 5,000 series about 700 KiB. */
  messageBytesMax: 1 * mib,
  /** Frames on the way and not yet acknowledged, per connection: enough to fill 100 ms of latency, little enough to replay cheaply. */
  framesInFlightMax: 64,
  /** Bytes of the same; past it the agent waits for acknowledgement. */
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
  heavyLinkBytes: 512 * kib,
  /** Series one agent may name in one boot: node_exporter on a large host has about 3,000. */
  seriesPerAgentMax: 20_000,
  /** Labels of one series; Prometheus's own default for federated targets is 30. */
  labelsPerSeriesMax: 30,
  labelNameBytesMax: 256,
  labelValueBytesMax: 2 * kib,
  metricNameBytesMax: 256,
  helpBytesMax: 1 * kib,
  /** Rows in one sample frame: a back-fill of 10 minutes at 1 s. */
  rowsPerFrameMax: 600,
  /** Rows times different series of one sample frame: constant values take almost no bytes, so a small frame could else unpack to gigabytes. */
  samplesPerFrameMax: 100_000,
  /** A result that tells nothing new waits so long at most, to share a frame with others: no longer than until the next heartbeat. */
  resultHoldMsMax: 5 * secondMs,
  /** Results in one frame. */
  resultsPerFrameMax: 1_000,
  /** Free text of a result: long enough for a TLS error, short enough to keep in a row. */
  detailCharactersMax: 500,
  /** Measured values of one result (phases, certificate …). */
  valuesPerResultMax: 64,
  /** Checks one agent is given: 250 a second at the usual interval, and a configuration of some 2 MiB. */
  checksPerAgentMax: 5_000,
  /** The shortest interval of a check: below it a probe would overlap its own confirmation. */
  checkIntervalMsMin: 1 * secondMs,
  checkIntervalMsMax: 1 * dayMs,
  checkTimeoutMsMax: 60 * secondMs,
  checkRetryMsMin: 100,
  /** Probes run at once by one agent, where a batch of pings counts as one; more wait their turn. */
  probesAtOnceMax: 64,
  /** One reading of the host's metrics: a mount or driver that hangs longer is left out of the row. Well below the usual 15 s between rows. */
  hostReadMsMax: 3 * secondMs,
  /** Patience with the mounts within that: a local disk answers in microseconds, a healthy file server in milliseconds. */
  hostMountMsMax: 1 * secondMs,
  /** Body an HTTP probe reads to look for its keyword. */
  probeBodyBytesMax: 10 * mib,
  /** The agent's spool on disk by default: a day of 100 series at 15 s takes about 3 MiB. */
  spoolBytesDefault: 256 * mib,
  /** One spool file: small enough to give space back soon, large enough to keep the count of files low. */
  spoolSegmentBytes: 1 * mib,
  /** What the agent keeps in memory while its disk takes nothing: hours of 100 series at 15 s, and little beside its own 60 MiB. */
  spoolMemoryBytesMax: 1 * mib,
  /** Heartbeat of the link, both ways. */
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
  /** From connection to welcome. */
  handshakeMsMax: 10 * secondMs,
  /** A proxy's answer to CONNECT, the way to it included: half of the time to the welcome, the other half is for the collector's own. */
  proxyMsMax: 5 * secondMs,
  /** Connected sockets that have not yet proved who they are. */
  handshakesAtOnceMax: 1_000,
  agentsMax: 20_000,
  /** Events waiting for the writer; past it sockets are paused. */
  queueEventsMax: 10_000,
  queueBytesMax: 64 * mib,
  /** Events taken into one transaction: bounds the time to the next acknowledgement. */
  batchEventsMax: 2_000,
  /** Commits of a busy collector begin at least this far apart: too little to be felt in a notification, enough for a hundred frames of a large fleet. */
  commitGatherMs: 10,
  /** How far back late results may still correct what was recorded: the longest outage an agent's spool is meant to bridge. */
  correctionMsMax: 7 * dayMs,
  /** Deadlines that were only postponed and are put in their new place when the next one is looked for: some 10 ms of work. */
  deadlineRenewalsMax: 2_000,
  /** Spans of one subject kept in memory for corrections; beyond it the oldest can no longer be corrected. */
  timelineSpansMax: 2_000,
  /** Entries of one incident's timeline; past it repeated updates are only counted. */
  timelineEntriesMax: 1_000,
  noteCharactersMax: 4_000,
  /** Tries of one notification: 1, 2, 4, 8, 16 minutes and then hourly within a day. */
  notificationTriesMax: 28,
  notificationAgeMsMax: 1 * dayMs,
  notificationsAtOnceMax: 8,
  /** One notification try, including name look-up and TLS. */
  notificationMsMax: 15 * secondMs,
  /** Bodies of the HTTP API. */
  requestBytesMax: 1 * mib,
  pageItemsMax: 1_000,
  pageItemsDefault: 100,
  /** Points one samples query may return per series. */
  samplePointsMax: 11_000,
  sampleSeriesMax: 500,
  /** Points of all series of one samples query together: about 10 MiB of JSON. */
  samplePointsAllMax: 500_000,
  /** Samples queries answered at once; each may hold some MiB and a share of the event loop. */
  sampleQueriesMax: 4,
  /** Live event streams open at once. */
  eventStreamsMax: 200,
  /** Events kept for streams that come back with Last-Event-ID: about a minute of a busy collector. */
  eventsKeptMax: 1_000,
  /** Unsent bytes of one event stream; a reader that is further behind is cut off and comes back. */
  eventStreamBytesMax: 1 * mib,
  /** Comment sent on a quiet event stream, so that proxies keep it open and dead peers are found. */
  eventStreamHeartbeatMs: 15 * secondMs,
  /** Failed authentications one address may make at once, and the time in which it gets one more. */
  authFailuresMax: 20,
  authFailureRefillMs: 3 * secondMs,
  /** Requests one address may make at once, and the time in which it gets one more: a console with many widgets, not a flood. */
  requestsAtOnceMax: 600,
  requestRefillMs: 20,
  /** Addresses remembered for that. */
  authAddressesMax: 10_000,
  /** Frames of samples decoded between two turns of the event loop: a few ms of work. */
  framesPerSliceMax: 64,
  /** Clock difference between agent and collector that is taken for synchronised and left uncorrected. */
  clockToleranceMs: 2 * secondMs,
  /** Availability and incident data are kept at least this long by default (law asks six months; practice 400 days). */
  historyRetentionMs: 400 * dayMs,
  /** Up to this size the embedded database is checked at start with all its indexes, which takes four times as long. */
  storeFullCheckBytesMax: 32 * mib,
  /** Up to this size it is checked whole without the indexes of its large tables (about a second); a larger one without these tables. */
  storeCheckBytesMax: 256 * mib,
  /** After a start, everything stored is looked at for damage: when those who were away have come back. */
  storeFirstVerifyMs: 1 * minuteMs,
  /** Looking at everything may take so long: 256 GiB at 12 MiB a second, which a slow disk gives beside its work. */
  storeVerifyMsMax: 6 * hourMs,
  /** Write-ahead log on disk after a checkpoint; a very large commit makes it longer for a while. */
  storeLogBytesMax: 64 * mib,
  /** The embedded database grows no further by default; past it commits fail and nothing is acknowledged. */
  storeBytesDefault: 256 * 1024 * mib,
  /** Frames of samples are kept this long by default. */
  frameRetentionMs: 15 * dayMs,
  /** Longest a stopped main waits for its parts to close. */
  shutdownMsMax: 10 * secondMs,
  /** A maintenance window longer than this is a decommissioning. */
  maintenanceMsMax: 30 * dayMs,
  /** Enrolment tokens live this long by default. */
  joinTokenMs: 1 * hourMs,
  /** A resolved incident that comes back within this time is reopened; later it is a new one. */
  reopenMs: 24 * hourMs,
  /** Window and count of the storm guard: see engine/zones. */
  stormWindowMs: 1 * minuteMs,
  /** A rule's expression: what people still read; with the depth it bounds the recursion of parser and evaluation. */
  ruleExprCharactersMax: 4_000,
  ruleExprDepthMax: 250,
  /** Series all rules together look at: 20 names on 5,000 hosts. */
  ruleSeriesMax: 100_000,
  /** Alerts one rule may hold: past it something is wrong with the rule, not with so many hosts. */
  alertsPerRuleMax: 10_000,
  /** Age at which a sample no longer says anything: Prometheus's look-back, which its rules are written for. */
  sampleStalenessMs: 5 * minuteMs,
  /** A declared registry: 20,000 assets with their checks take about 6 MiB. */
  declarationBytesMax: 16 * mib,
  /** Values YAML aliases may stand for, so that a small file cannot blow up in memory. */
  declarationAliasesMax: 100,
  /** Aliases of one file: each is looked up among all anchors. */
  declarationAliasNodesMax: 1_000,
  /** Errors of a declaration that are reported; more help nobody. */
  declarationErrorsMax: 200,
} as const;
