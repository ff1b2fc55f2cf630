import { type DictionaryFrame, decodeDictionaryBody, dictionaryKindByte } from './dictionary.ts';
import { openEnvelope, sealEnvelope } from './envelope.ts';
import { invalid } from './varint.ts';

/**
 * Kinds of binary messages. A numbered frame carries (bootId, seq), is spooled and acknowledged; a dictionary is neither: it names the series
 * of one boot and must be on the connection before the first samples that use them.
 */
export const frameKinds = { dictionary: dictionaryKindByte, samples: 2, results: 3, gap: 4, inventory: 5 } as const;
export type FrameKind = keyof typeof frameKinds;
export type NumberedFrameKind = Exclude<FrameKind, 'dictionary'>;

/** A frame that is spooled, sent in order of (bootId, seq) and acknowledged. */
export interface NumberedFrame {
  readonly kind: NumberedFrameKind;
  readonly bootId: number;
  /** From 0 within a boot, one more for each frame. */
  readonly seq: number;
  /** samples: see samples.ts; the others: UTF-8 JSON of the body schemas in control.ts. */
  readonly body: Uint8Array;
}

const numberedKinds = ['samples', 'results', 'gap', 'inventory'] as const satisfies readonly NumberedFrameKind[];

/**
 * The message as it goes on the wire and into the spool.
 * @throws FRAME_INVALID when a number is no integer from 0 to 2^53-1 or the message would be longer than limits.messageBytesMax
 */
export const encodeFrame = (frame: NumberedFrame): Uint8Array =>
  sealEnvelope({ kindByte: frameKinds[frame.kind], bootId: frame.bootId, number: frame.seq, body: frame.body });

/**
 * Reads any binary message. Of a numbered frame the body is left as it is, a view into `bytes`: what it holds is the reader's business.
 * @throws FRAME_INVALID naming what is wrong: length, checksum, unknown kind, or anything in a dictionary
 */
export const decodeFrame = (bytes: Uint8Array): NumberedFrame | DictionaryFrame => {
  const { kindByte, bootId, number, body } = openEnvelope(bytes);
  if (kindByte === frameKinds.dictionary) return decodeDictionaryBody(bootId, number, body);
  const kind = numberedKinds.find((known) => frameKinds[known] === kindByte);
  if (kind === undefined) throw invalid(`its kind is ${kindByte}; known are ${Object.values(frameKinds).join(', ')}`);
  return { kind, bootId, seq: number, body };
};
