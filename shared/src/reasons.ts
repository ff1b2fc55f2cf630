/**
 * Why a result is what it is: one table for all probes, so that people, rules and reports meet the same word for the same fault.
 * `text` completes the sentence "the check is … because …". Documented in docs/reasons.md, which a test compares with this table.
 */
export const reasons = {
  OK: { text: 'everything asked for was found' },
  SLOW: { text: 'the answer was right but took longer than slowMs' },
  TIMEOUT: { text: 'no complete answer came before the deadline' },
  CONNECTION_REFUSED: { text: 'the host answered that nothing listens on the port' },
  CONNECTION_RESET: { text: 'the connection was cut by the other side' },
  HOST_UNREACHABLE: { text: 'no route leads to the host' },
  NETWORK_UNREACHABLE: { text: 'no route leads to the network' },
  DNS_NOT_FOUND: { text: 'the name does not exist' },
  DNS_NO_DATA: { text: 'the name exists but has no record of the type asked for' },
  DNS_FAILED: { text: 'the name server failed or refused' },
  DNS_UNEXPECTED_ANSWER: { text: 'the name server answered something else than expected' },
  TLS_HANDSHAKE_FAILED: { text: 'the TLS handshake failed' },
  CERTIFICATE_INVALID: { text: 'the certificate is not trusted' },
  CERTIFICATE_EXPIRED: { text: 'the certificate has expired or is not yet valid' },
  CERTIFICATE_NAME_MISMATCH: { text: 'the certificate is for another name' },
  CERTIFICATE_EXPIRING: { text: 'the certificate expires within the warning period' },
  HTTP_STATUS: { text: 'the HTTP status is not in the accepted set' },
  HTTP_PROTOCOL: { text: 'the answer is not valid HTTP' },
  HTTP_TOO_MANY_REDIRECTS: { text: 'there were more redirects than allowed' },
  HTTP_BODY_TOO_LARGE: { text: 'the body is larger than allowed' },
  HTTP_HEADER_MISMATCH: { text: 'a response header is missing or is not as expected' },
  KEYWORD_MISSING: { text: 'the expected text is not in the answer' },
  KEYWORD_FORBIDDEN: { text: 'a forbidden text is in the answer' },
  JSON_MISMATCH: { text: 'the JSON answer has not the expected value at the path' },
  UNEXPECTED_REPLY: { text: 'the reply does not match what is expected' },
  NO_REPLY: { text: 'no echo reply came back' },
  PACKET_LOSS: { text: 'some echo replies are missing' },
  PROCESS_NOT_FOUND: { text: 'fewer matching processes run than expected' },
  PROCESS_TOO_MANY: { text: 'more matching processes run than expected' },
  UNIT_NOT_FOUND: { text: 'the service manager does not know the unit' },
  UNIT_FAILED: { text: 'the unit has failed' },
  UNIT_INACTIVE: { text: 'the unit is not active' },
  HEARTBEAT_MISSED: { text: 'the expected heartbeat did not come' },
  HEARTBEAT_REPORTED_DOWN: { text: 'the heartbeat itself reported a failure' },
  NOT_PERMITTED: { text: 'the agent lacks the privilege or the tool to ask' },
  PROBE_ERROR: { text: 'the probe itself failed; this says nothing about the target' },
} as const satisfies Record<string, { readonly text: string }>;

export type ReasonCode = keyof typeof reasons;
export const reasonCodes = Object.keys(reasons) as readonly ReasonCode[];
