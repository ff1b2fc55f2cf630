/**
 * Kinds of binary messages. A numbered frame carries (bootId, seq), is spooled and acknowledged; a dictionary is neither: it names the series
 * of one boot and must be on the connection before the first samples that use them.
 */
export const frameKinds = { dictionary: 1, samples: 2, results: 3, gap: 4, inventory: 5 } as const;
export type FrameKind = keyof typeof frameKinds;
export type NumberedFrameKind = Exclude<FrameKind, 'dictionary'>;
