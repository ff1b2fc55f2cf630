import { limits } from '../limits.ts';
import { isNameBefore, type Label, type MetricFamily, metricTypes, namePattern, type Series, seriesText } from '../series.ts';
import { frameBodyBytesMax, openEnvelope, sealEnvelope } from './envelope.ts';
import { ByteReader, ByteWriter, exceeded, invalid } from './varint.ts';

/** Kind byte of a dictionary; see frameKinds. */
export const dictionaryKindByte = 1;

/** Names series of one boot: `series[i]` has the index `firstIndex + i` in that boot's sample frames. */
export interface DictionaryFrame {
  readonly kind: 'dictionary';
  readonly bootId: number;
  readonly firstIndex: number;
  readonly series: readonly Series[];
}

const encoder = new TextEncoder();

/**
 * The whole message. See PROTOCOL.md, "Dictionary": a table of strings, the families, then the series by their numbers.
 * @throws FRAME_INVALID when a name, label, length or count breaks the limits, or the message would be too long (see splitDictionary)
 */
export const encodeDictionary = (frame: DictionaryFrame): Uint8Array => {
  assertIndexes(frame.firstIndex, frame.series.length);
  assertDifferent(frame.series);
  const strings = new Map<string, number>();
  const numberOf = (text: string): number => {
    const known = strings.get(text);
    if (known !== undefined) return known;
    strings.set(text, strings.size);
    return strings.size - 1;
  };
  const families = new Map<string, { readonly family: MetricFamily; readonly number: number }>();
  const series = new ByteWriter(frame.series.length * 12);
  for (const { family, labels } of frame.series) {
    const known = families.get(family.name);
    if (known === undefined) assertFamily(family);
    else if (known.family.type !== family.type || known.family.help !== family.help) {
      throw invalid(`the family ${family.name} is described in two ways`);
    }
    const number = known?.number ?? families.size;
    if (known === undefined) families.set(family.name, { family, number });
    assertLabels(family.name, labels);
    series.varint(number);
    series.varint(labels.length);
    for (const [name, value] of labels) {
      series.varint(numberOf(name));
      series.varint(numberOf(value));
    }
  }
  const body = new ByteWriter(series.length * 3);
  body.varint(strings.size);
  for (const text of strings.keys()) writeText(body, text);
  body.varint(families.size);
  for (const { family } of families.values()) {
    body.byte(metricTypes.indexOf(family.type));
    writeText(body, family.name);
    writeText(body, family.help);
  }
  body.varint(frame.series.length);
  body.raw(series.finish());
  return sealEnvelope({ kindByte: dictionaryKindByte, bootId: frame.bootId, number: frame.firstIndex, body: body.finish() });
};

/**
 * As many dictionaries, in order, as it takes to keep each below limits.messageBytesMax. One for up to some thousand series.
 * @throws FRAME_INVALID as encodeDictionary
 */
export const encodeDictionaries = (bootId: number, firstIndex: number, series: readonly Series[]): readonly Uint8Array[] => {
  const messages: Uint8Array[] = [];
  let from = 0;
  let bytes = 0;
  const flush = (to: number): void => {
    messages.push(
      encodeDictionary({ kind: 'dictionary', bootId, firstIndex: firstIndex + from, series: series.slice(from, to) }),
    );
    from = to;
    bytes = 0;
  };
  for (const [index, one] of series.entries()) {
    const needed = seriesBytesMax(one);
    // An upper bound (as if nothing were shared) keeps this one pass; the frames are a little smaller than they could be.
    if (index > from && bytes + needed > frameBodyBytesMax) flush(index);
    bytes += needed;
  }
  if (from < series.length) flush(series.length);
  return messages;
};

/** @throws FRAME_INVALID naming what is wrong, also when the message is of another kind; TOO_LARGE past a limit of series or labels */
export const decodeDictionary = (bytes: Uint8Array): DictionaryFrame => {
  const { kindByte, bootId, number, body } = openEnvelope(bytes);
  if (kindByte !== dictionaryKindByte) throw invalid(`its kind is ${kindByte}; a dictionary (${dictionaryKindByte}) is needed`);
  return decodeDictionaryBody(bootId, number, body);
};

/** Reads a dictionary whose envelope was taken off. @throws FRAME_INVALID naming what is wrong, TOO_LARGE past a limit of series or labels */
export const decodeDictionaryBody = (bootId: number, firstIndex: number, body: Uint8Array): DictionaryFrame => {
  const reader = new ByteReader(body);
  const strings = readMany(reader, 'strings', 1, limits.messageBytesMax, () =>
    readText(reader, 'a string', limits.labelValueBytesMax),
  );
  const families = readMany(reader, 'families', 3, limits.seriesPerAgentMax, () => readFamily(reader));
  if (new Set(families.map((family) => family.name)).size < families.length) throw invalid('a family is described twice');
  const series = readMany(reader, 'series', 2, limits.seriesPerAgentMax, () => readSeries(reader, families, strings));
  reader.end('the dictionary');
  assertIndexes(firstIndex, series.length);
  assertDifferent(series);
  return { kind: 'dictionary', bootId, firstIndex, series };
};

/** Reads a count and so many items; a count that the bytes left cannot hold is refused before anything is made. */
const readMany = <T>(reader: ByteReader, what: string, bytesEach: number, most: number, read: () => T): T[] => {
  const count = reader.varint(`the count of ${what}`, most);
  if (count * bytesEach > reader.bytesLeft)
    throw invalid(`it announces ${count} ${what}, but has only ${reader.bytesLeft} bytes left`);
  const items: T[] = [];
  for (let index = 0; index < count; index += 1) items.push(read());
  return items;
};

const readFamily = (reader: ByteReader): MetricFamily => {
  const typeNumber = reader.byte('the type of a family');
  const type = metricTypes[typeNumber];
  if (type === undefined) throw invalid(`the type of a family is ${typeNumber}; at most ${metricTypes.length - 1} is allowed`);
  const family = {
    type,
    name: readText(reader, 'the name of a family', limits.metricNameBytesMax),
    help: readText(reader, 'the help of a family', limits.helpBytesMax),
  };
  assertFamily(family);
  return family;
};

const readSeries = (reader: ByteReader, families: readonly MetricFamily[], strings: readonly string[]): Series => {
  const familyNumber = reader.varint('the family of a series');
  const family = families[familyNumber];
  if (family === undefined) throw invalid(`a series names family ${familyNumber} of ${families.length}`);
  const stringAt = (what: string): string => {
    const number = reader.varint(what);
    const text = strings[number];
    if (text === undefined) throw invalid(`${what} names string ${number} of ${strings.length}`);
    return text;
  };
  const labelCount = reader.varint('the count of labels', limits.labelsPerSeriesMax);
  const labels: Label[] = [];
  for (let index = 0; index < labelCount; index += 1) labels.push([stringAt('a label name'), stringAt('a label value')]);
  assertLabels(family.name, labels);
  return { family, labels };
};

const writeText = (writer: ByteWriter, text: string): void => {
  const bytes = encoder.encode(text);
  writer.varint(bytes.length);
  writer.raw(bytes);
};

const readText = (reader: ByteReader, what: string, bytesMax: number): string => {
  const bytes = reader.raw(reader.varint(`the length of ${what}`, bytesMax), what);
  try {
    // ignoreBOM keeps a leading U+FEFF: text arrives as it was sent.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw invalid(`${what} is not UTF-8`, cause);
  }
};

const assertIndexes = (firstIndex: number, count: number): void => {
  if (firstIndex + count > limits.seriesPerAgentMax) {
    throw exceeded(
      `it names series up to index ${firstIndex + count - 1}; at most ${limits.seriesPerAgentMax} series are allowed`,
    );
  }
};

const assertText = (what: string, text: string, bytesMax: number): void => {
  if (!text.isWellFormed()) throw invalid(`${what} has half a surrogate pair, which UTF-8 cannot write`);
  // Only a text that could be too long is measured: no UTF-16 unit takes more than three bytes.
  if (text.length * 3 > bytesMax && Buffer.byteLength(text) > bytesMax) {
    throw invalid(`${what} has ${Buffer.byteLength(text)} bytes; at most ${bytesMax} are allowed`);
  }
};

const assertFamily = (family: MetricFamily): void => {
  assertText('the name of a family', family.name, limits.metricNameBytesMax);
  assertText(`the help of ${family.name}`, family.help, limits.helpBytesMax);
  if (!namePattern.test(family.name)) throw invalid(`${JSON.stringify(family.name)} is no metric name`);
};

const assertLabels = (familyName: string, labels: readonly Label[]): void => {
  if (labels.length > limits.labelsPerSeriesMax) {
    throw exceeded(`a series of ${familyName} has ${labels.length} labels; at most ${limits.labelsPerSeriesMax} are allowed`);
  }
  let before = '';
  for (const [name, value] of labels) {
    assertText(`a label name of ${familyName}`, name, limits.labelNameBytesMax);
    if (!namePattern.test(name)) throw invalid(`${JSON.stringify(name)} of ${familyName} is no label name`);
    assertText(`the label ${name} of ${familyName}`, value, limits.labelValueBytesMax);
    // This also refuses a name twice.
    if (!isNameBefore(before, name)) throw invalid(`the labels of ${familyName} are not in order: ${name} after ${before}`);
    before = name;
  }
};

const assertDifferent = (series: readonly Series[]): void => {
  const seen = new Set<string>();
  for (const { family, labels } of series) {
    const text = seriesText(family.name, labels);
    if (seen.has(text)) throw invalid(`${text} is named twice`);
    seen.add(text);
  }
};

/** Most bytes a series can take in a dictionary by itself. */
const seriesBytesMax = ({ family, labels }: Series): number => {
  const textBytes = (text: string): number => 2 + text.length * 3;
  // Numbers: family, count of labels, and two per label, three bytes each at most; type byte of the family.
  const labelBytes = labels.reduce((sum, [name, value]) => sum + 6 + textBytes(name) + textBytes(value), 0);
  return 7 + textBytes(family.name) + textBytes(family.help) + labelBytes;
};
