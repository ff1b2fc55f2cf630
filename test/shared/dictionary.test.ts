import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AppError } from '../../shared/src/errors.ts';
import { limits } from '../../shared/src/limits.ts';
import { decodeDictionary, encodeDictionaries, encodeDictionary } from '../../shared/src/protocol/dictionary.ts';
import { decodeFrame, encodeFrame } from '../../shared/src/protocol/frame.ts';
import { type MetricFamily, metricTypes, namePattern, type Series, seriesText } from '../../shared/src/series.ts';
import { hostRecording } from '../support/host-recording.ts';

const cpu: MetricFamily = { name: 'node_cpu_seconds_total', type: 'counter', help: 'Seconds the CPUs spent in each mode.' };
const dictionary = (series: readonly Series[], firstIndex = 0) =>
  ({ kind: 'dictionary', bootId: 1_793_577_600_000, firstIndex, series }) as const;

/** @param code of a malformed frame, or of one past a documented limit */
const refusal = (run: () => unknown, code = 'FRAME_INVALID'): string => {
  try {
    run();
  } catch (error) {
    if (error instanceof AppError && error.code === code) return error.message;
    throw error;
  }
  throw new Error('it was not refused');
};

/** A dictionary message of boot 0 from index 0 around a body. */
const message = (bodyHex: string): Uint8Array => {
  const content = Buffer.from(`010000${bodyHex}`, 'hex');
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32LE(crc32(content));
  return Buffer.concat([content, checksum]);
};
const text = (value: string): string => {
  const bytes = Buffer.from(value);
  return `${bytes.length.toString(16).padStart(2, '0')}${bytes.toString('hex')}`;
};

test('the series of a real host come back as they were', () => {
  const frame = dictionary(hostRecording().series, 100);
  expect(decodeFrame(encodeDictionary(frame))).toStrictEqual(frame);
});

test('a family is written once, whatever the count of its series', () => {
  const series = Array.from({ length: 100 }, (_, core): Series => ({ family: cpu, labels: [['cpu', String(core)]] }));
  const bytes = encodeDictionary(dictionary(series));
  expect(Buffer.from(bytes).toString('latin1').split(cpu.help).length).toBe(2);
  expect(bytes.length).toBeLessThan(100 * 8);
});

test('any series come back as they were', () => {
  const name = fc.oneof(
    fc.stringMatching(/^[a-zA-Z_][a-zA-Z0-9_]{0,20}$/),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }).filter((text) => namePattern.test(text)),
  );
  const value = fc.string({ unit: 'binary', maxLength: 40, size: 'max' });
  const family = fc.record({ name, type: fc.constantFrom(...metricTypes), help: value }, { noNullPrototype: true });
  const labels = fc
    .uniqueArray(fc.tuple(name, value), { selector: ([label]) => label, maxLength: 8, size: 'max' })
    .map((pairs) => pairs.toSorted(([left], [right]) => Buffer.compare(Buffer.from(left), Buffer.from(right))));
  const anySeries = fc.uniqueArray(family, { selector: (one) => one.name, minLength: 1, maxLength: 5 }).chain((families) =>
    fc.uniqueArray(fc.record({ family: fc.constantFrom(...families), labels }, { noNullPrototype: true }), {
      selector: (one) => seriesText(one.family.name, one.labels),
      maxLength: 30,
      size: 'max',
    }),
  );
  fc.assert(
    fc.property(anySeries, fc.nat({ max: 10_000 }), (series, firstIndex) => {
      expect(decodeDictionary(encodeDictionary(dictionary(series, firstIndex)))).toStrictEqual(dictionary(series, firstIndex));
    }),
  );
});

describe('text is kept as it is', () => {
  for (const value of ['', '集维', '\u{1f600}', '\ufeffwith a mark', 'line\nfeed "quoted" back\\slash', '\u0000', 'e\u0301']) {
    test(JSON.stringify(value), () => {
      const frame = dictionary([{ family: { ...cpu, help: value }, labels: [['name', value]] }]);
      expect(decodeDictionary(encodeDictionary(frame))).toStrictEqual(frame);
    });
  }
});

describe('limits hold on both sides', () => {
  const label = (count: number): Series['labels'] =>
    Array.from({ length: count }, (_, index) => [`l${String(index).padStart(2, '0')}`, '1'] as const);
  const of = (changes: Partial<MetricFamily>, labels: Series['labels'] = []): Series => ({
    family: { ...cpu, ...changes },
    labels,
  });
  const allowed: readonly { why: string; series: readonly Series[]; firstIndex?: number }[] = [
    { why: '30 labels', series: [of({}, label(30))] },
    { why: 'a label name of 256 bytes', series: [of({}, [['l'.repeat(256), '1']])] },
    { why: 'a label value of 2048 bytes', series: [of({}, [['l', 'v'.repeat(2048)]])] },
    { why: 'a label value of 2046 bytes in 682 characters', series: [of({}, [['l', '集'.repeat(682)]])] },
    { why: 'a metric name of 256 bytes', series: [of({ name: 'm'.repeat(256) })] },
    { why: 'a metric name of 255 bytes in 85 characters', series: [of({ name: '温'.repeat(85) })] },
    { why: 'a label name of 255 bytes in 85 characters', series: [of({}, [['温'.repeat(85), '1']])] },
    { why: 'a metric name in Chinese', series: [of({ name: '机房.温度' })] },
    { why: 'a metric name that begins with a digit', series: [of({ name: '1st' })] },
    { why: 'a label name with a colon', series: [of({}, [['a:b', '1']])] },
    { why: 'a name that reads like a series', series: [of({ name: 'a{b="1"}' }), of({ name: 'a' }, [['b', '1']])] },
    { why: 'a label name that reads like two labels', series: [of({}, [['a="1",b', '1']])] },
    {
      why: 'label names in the order of their bytes, which is not that of UTF-16,',
      series: [
        of({}, [
          ['a', '0'],
          ['\ue000', '1'],
          ['\u{1f321}', '2'],
        ]),
      ],
    },
    { why: 'a help of 1024 bytes', series: [of({ help: 'h'.repeat(1024) })] },
    { why: 'the last index', series: [of({})], firstIndex: 19_999 },
  ];
  for (const { why, series, firstIndex } of allowed) {
    test(`${why} is allowed`, () => {
      expect(decodeDictionary(encodeDictionary(dictionary(series, firstIndex))).series).toStrictEqual(series);
    });
  }
  const refused: readonly { why: string; series: readonly Series[]; firstIndex?: number; code?: string; says: RegExp }[] = [
    { why: '31 labels', series: [of({}, label(31))], code: 'TOO_LARGE', says: /31 labels; at most 30/ },
    { why: 'a label name of 257 bytes', series: [of({}, [['l'.repeat(257), '1']])], says: /257 bytes; at most 256/ },
    { why: 'a label value of 2049 bytes', series: [of({}, [['l', 'v'.repeat(2049)]])], says: /2049 bytes; at most 2048/ },
    { why: 'a label value of 2049 bytes in 683 characters', series: [of({}, [['l', '集'.repeat(683)]])], says: /2049 bytes/ },
    { why: 'a metric name of 257 bytes', series: [of({ name: 'm'.repeat(257) })], says: /257 bytes; at most 256/ },
    { why: 'a help of 1025 bytes', series: [of({ help: 'h'.repeat(1025) })], says: /1025 bytes; at most 1024/ },
    { why: 'an index past the last', series: [of({})], firstIndex: 20_000, code: 'TOO_LARGE', says: /index 20000/ },
    {
      why: 'a metric name of 258 bytes in 86 characters',
      series: [of({ name: '温'.repeat(86) })],
      says: /258 bytes; at most 256/,
    },
    {
      why: 'a label name of 258 bytes in 86 characters',
      series: [of({}, [['温'.repeat(86), '1']])],
      says: /258 bytes; at most 256/,
    },
    { why: 'a metric name with a line feed', series: [of({ name: '温\n度' })], says: /"温\\n度" is no metric name/ },
    { why: 'a metric name with NUL', series: [of({ name: '\u0000' })], says: /no metric name/ },
    { why: 'a label name with a control character of Latin-1', series: [of({}, [['a\u0085', '1']])], says: /no label name/ },
    { why: 'a metric name with half a surrogate pair', series: [of({ name: '温\ud83d' })], says: /surrogate/ },
    { why: 'a label name with half a surrogate pair', series: [of({}, [['温\ud83d', '1']])], says: /surrogate/ },
    { why: 'an empty metric name', series: [of({ name: '' })], says: /no metric name/ },
    { why: 'an empty label name', series: [of({}, [['', '1']])], says: /no label name/ },
    {
      why: 'label names in the order of UTF-16, which is not that of their bytes,',
      series: [
        of({}, [
          ['\u{1f321}', '1'],
          ['\ue000', '2'],
        ]),
      ],
      says: /not in order/,
    },
    {
      why: 'labels out of order',
      series: [
        of({}, [
          ['b', '1'],
          ['a', '2'],
        ]),
      ],
      says: /a after b/,
    },
    {
      why: 'a label twice',
      series: [
        of({}, [
          ['a', '1'],
          ['a', '2'],
        ]),
      ],
      says: /a after a/,
    },
    { why: 'half a surrogate pair', series: [of({}, [['a', '\ud83d']])], says: /surrogate/ },
    { why: 'one family with two helps', series: [of({}), of({ help: 'other' }, [['a', '1']])], says: /two ways/ },
    { why: 'one family of two types', series: [of({}), of({ type: 'gauge' }, [['a', '1']])], says: /two ways/ },
    { why: 'a series twice', series: [of({}, [['a', '1']]), of({}, [['a', '1']])], says: /named twice/ },
  ];
  for (const { why, series, firstIndex, code, says } of refused) {
    test(`${why} is not written`, () =>
      expect(refusal(() => encodeDictionary(dictionary(series, firstIndex)), code)).toMatch(says));
  }

  test('a dictionary larger than a message is cut into several, in order', () => {
    const series = Array.from({ length: 1_200 }, (_, index) => of({}, [['a', `${index}`.padStart(2_000, '0')]]));
    const messages = encodeDictionaries(9, 50, series);
    expect(messages.length).toBeGreaterThan(1);
    expect(messages.every((one) => one.length <= limits.messageBytesMax)).toBe(true);
    const frames = messages.map(decodeDictionary);
    expect(frames.flatMap((one) => one.series)).toStrictEqual(series);
    expect(frames.map((one) => one.firstIndex)).toStrictEqual(
      frames.map((_, index) => 50 + frames.slice(0, index).reduce((sum, one) => sum + one.series.length, 0)),
    );
    expect(encodeDictionaries(9, 0, [])).toStrictEqual([]);
    expect(encodeDictionaries(9, 0, hostRecording().series).length).toBe(1);
  });
});

describe('what is no dictionary is refused', () => {
  const family = `0100${text('up')}${text('')}`;
  const cases: readonly { why: string; body: string; says: RegExp }[] = [
    { why: 'nothing', body: '', says: /count of strings/ },
    { why: 'more strings announced than bytes left', body: '7f00', says: /announces 127 strings/ },
    { why: 'more series announced than bytes left', body: `00${family}0800`, says: /announces 8 series/ },
    { why: 'a string that is not UTF-8', body: '0102c328', says: /not UTF-8/ },
    { why: 'a surrogate written as UTF-8', body: '0103eda080', says: /not UTF-8/ },
    {
      why: 'a string too long, though no series names it',
      body: `018110${'61'.repeat(2_049)}0000`,
      says: /length of a string is 2049; at most 2048/,
    },
    { why: 'a string cut off', body: '0105616200', says: /5 bytes needed, 3 left/ },
    { why: 'a type that is not known', body: `000103${text('up')}${text('')}00`, says: /type of a family is 3/ },
    { why: 'a family twice', body: `000200${text('up')}${text('')}00${text('up')}${text('')}00`, says: /described twice/ },
    { why: 'a family that is not there', body: `00${family}010100`, says: /family 1 of 1/ },
    { why: 'a string that is not there', body: `00${family}0100010000`, says: /string 0 of 0/ },
    { why: '31 labels', body: `00${family}01001f`, says: /count of labels is 31; at most 30/ },
    { why: 'a label that has no name', body: `01${text('')}${family}0100010000`, says: /"" of up is no label name/ },
    { why: 'labels out of order', body: `02${text('b')}${text('a')}${family}01000200000101`, says: /a after b/ },
    { why: 'a series twice', body: `00${family}0200000000`, says: /up is named twice/ },
    { why: 'a byte too many', body: `00${family}01000000`, says: /1 bytes too many/ },
    { why: 'too many series', body: `00${family}a19c01`, says: /20001; at most 20000/ },
  ];
  for (const { why, body, says } of cases) {
    test(why, () => expect(refusal(() => decodeDictionary(message(body)))).toMatch(says));
  }

  test('a message of another kind', () => {
    expect(refusal(() => decodeDictionary(encodeFrame({ kind: 'gap', bootId: 1, seq: 1, body: new Uint8Array(0) })))).toMatch(
      /kind is 4; a dictionary \(1\)/,
    );
  });

  test('any bytes end in series or in a refusal', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100, size: 'max' }), (bytes) => {
        try {
          return decodeDictionary(message(Buffer.from(bytes).toString('hex'))).series.length <= limits.seriesPerAgentMax;
        } catch (error) {
          return error instanceof AppError && error.code === 'FRAME_INVALID';
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
