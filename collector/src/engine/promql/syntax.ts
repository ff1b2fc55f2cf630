import { parser } from '@prometheus-io/lezer-promql';

/** A node of the grammar's tree. */
export type SyntaxNode = ReturnType<typeof parser.parse>['topNode'];

/** The official grammar's tree of a text; it always has one, with error nodes where the text does not fit. */
export const syntaxOf = (text: string): SyntaxNode => parser.parse(text).topNode;

/** Children in order, comments left out. */
export const childrenOf = (node: SyntaxNode): SyntaxNode[] => {
  const children: SyntaxNode[] = [];
  for (let child = node.firstChild; child !== null; child = child.nextSibling) {
    if (child.name !== 'LineComment') children.push(child);
  }
  return children;
};

/** Place of the first thing that does not fit the grammar, or null. */
export const firstErrorOf = (top: SyntaxNode): { readonly from: number; readonly to: number } | null => {
  const cursor = top.cursor();
  do {
    if (cursor.type.isError) return { from: cursor.from, to: cursor.to };
  } while (cursor.next());
  return null;
};
