/** A way by satellite takes 600 to 700 ms and is healthy; past this messages wait in queues, or are lost and sent again. */
const slowMsMin = 800;
/**
 * Slow ones in a row until the way is called slow: one alone may be our own doing, as a collector that stood still finds the answers of all its
 * agents late, once.
 */
const slowInARowMin = 2;
/** Quick ones in a row until it is called quick again, so that a way that wavers is not told of at every heartbeat. */
const quickInARowMin = 6;

/** What is known of how long messages take to one agent and back. */
export interface RoundTrips {
  readonly isSlow: boolean;
  /** Last ones in a row that say the opposite. */
  readonly againstInARow: number;
}

/** Of a new connection nothing bad is known. */
export const noRoundTrips: RoundTrips = { isSlow: false, againstInARow: 0 };

/** Takes in one round trip. */
export const noteRoundTrip = ({ isSlow, againstInARow }: RoundTrips, roundTripMs: number): RoundTrips => {
  if (roundTripMs >= slowMsMin === isSlow) return { isSlow, againstInARow: 0 };
  const isEnough = againstInARow + 1 >= (isSlow ? quickInARowMin : slowInARowMin);
  return isEnough ? { isSlow: !isSlow, againstInARow: 0 } : { isSlow, againstInARow: againstInARow + 1 };
};
