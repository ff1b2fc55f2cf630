import { limits } from '@jiwei/shared/limits.ts';
import { Composer, type CST, Document, isPair, isScalar, isSeq, type LineCounter, Parser, visit, type YAMLError } from 'yaml';

/** Something that makes a text no proper YAML. */
export interface YamlFault {
  readonly offset: number;
  readonly message: string;
  /** Where in the document, as far as that is known. */
  readonly path?: readonly (string | number)[];
}

/** What the package's composer keeps for itself: where it puts errors, and how. */
interface ErrorSink {
  readonly errors: YAMLError[];
  onError(...what: readonly unknown[]): void;
}

/** A stack that is not deep enough is how the package says it. */
export const tooDeep = 'lists and maps are nested too deeply to be read';

/** Thrown through the composer, so that it stops: a text of 16 MiB can hold 8 million errors, each an object with a stack. */
class TooManyFaults extends Error {}

/**
 * Reads a text as one YAML document, in time and memory that grow with its length alone.
 *
 * The package would by itself collect errors without end, compare every key of a map with every other (60,000 keys take minutes), and look
 * through all anchors for each alias. So errors are counted while it works, keys are compared here, and aliases are counted first.
 * @returns the sentence that refuses a text too deep to be read
 */
export const composeYaml = (
  text: string,
  lines: LineCounter,
): { readonly document: Document; readonly faults: readonly YamlFault[] } | string => {
  const composer = new Composer({ lineCounter: lines, prettyErrors: false, uniqueKeys: false, strict: true, stringKeys: true });
  const sink = composer as unknown as ErrorSink;
  const noteError = sink.onError;
  const loose: YamlFault[] = [];
  let faultCount = 0;
  const count = (): void => {
    faultCount += 1;
    if (faultCount > limits.declarationErrorsMax) throw new TooManyFaults();
  };
  sink.onError = (...what) => {
    noteError(...what);
    count();
  };
  // Marks that belong to no document (a line `}`) do not pass through onError.
  const counted = function* (tokens: Iterable<CST.Token>): Iterable<CST.Token> {
    for (const token of tokens) {
      if (token.type === 'error') {
        loose.push({ offset: token.offset, message: withoutText(token.message) });
        count();
      }
      yield token;
    }
  };
  try {
    const documents: Document[] = [];
    for (const document of composer.compose(counted(new Parser(lines.addNewLine).parse(text)), true, text.length)) {
      documents.push(document);
      // A second one is refused below; a thousandth need not even be read.
      if (documents.length > 1) break;
    }
    return judgeDocuments(documents, lines);
  } catch (error) {
    if (error instanceof RangeError) return `YAML: ${tooDeep}`;
    if (!(error instanceof TooManyFaults)) throw error;
    const offsets = new Set(loose.map(({ offset }) => offset));
    const others = sink.errors.map(faultOf).filter(({ offset }) => !offsets.has(offset));
    return { document: new Document(null), faults: [...loose, ...others] };
  }
};

const judgeDocuments = (
  documents: readonly Document[],
  lines: LineCounter,
): { readonly document: Document; readonly faults: readonly YamlFault[] } => {
  const [document = new Document(null), second] = documents;
  const faults = [...document.errors, ...document.warnings].map(faultOf);
  if (second !== undefined) {
    const offset = second.contents?.range?.[0] ?? 0;
    return { document, faults: [...faults, { offset, message: 'the file holds several documents; one is needed' }] };
  }
  return { document, faults: faults.length > 0 ? faults : structureFaults(document, lines) };
};

const faultOf = ({ pos, message }: YAMLError): YamlFault => ({ offset: pos[0], message: withoutText(message) });

/** The package quotes what it stumbled over. A password that begins with "!", "*" or "|" and was not quoted is just that. */
const withoutText = (message: string): string =>
  /\btag\b/i.test(message)
    ? 'a tag that means nothing here; a text that begins with "!" needs quotation marks'
    : message
        .replace(/(?<! ): .*$/s, '')
        .replace(/^(Invalid escape sequence|Unsupported YAML version|Unknown directive) .*$/s, '$1');

/** Keys and positions that lead down a row of nodes, each the parent of the next. */
const pathTo = (nodes: readonly unknown[]): (string | number)[] =>
  nodes.flatMap((node, at): (string | number)[] => {
    if (isPair(node) && isScalar(node.key)) return [String(node.key.value)];
    return isSeq(node) && at + 1 < nodes.length ? [node.items.indexOf(nodes[at + 1])] : [];
  });

/** Keys that stand twice in one map, and aliases past the bound. */
const structureFaults = (document: Document, lines: LineCounter): readonly YamlFault[] => {
  const faults: YamlFault[] = [];
  let aliasCount = 0;
  visit(document, {
    Alias: (_key, alias) => {
      aliasCount += 1;
      if (aliasCount <= limits.declarationAliasNodesMax) return;
      const message = `more than ${limits.declarationAliasNodesMax} aliases`;
      faults.push({ offset: alias.range?.[0] ?? 0, message });
      return visit.BREAK;
    },
    Map: (_key, map, ancestors) => {
      const offsets = new Map<unknown, number>();
      for (const { key } of map.items) {
        const name = isScalar(key) ? key.value : key;
        const offset = isScalar(key) ? (key.range?.[0] ?? 0) : 0;
        const first = offsets.get(name);
        if (first !== undefined && faults.length < limits.declarationErrorsMax) {
          const message = `stands a second time in one map, first in line ${lines.linePos(first).line}; needs to stand once`;
          faults.push({ offset, message, path: [...pathTo([...ancestors, map]), String(name)] });
        }
        offsets.set(name, first ?? offset);
      }
    },
  });
  return faults;
};
