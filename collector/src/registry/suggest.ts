/** Edits (insert, delete, replace, swap of neighbours) between two texts: optimal string alignment distance. */
const editDistance = (left: string, right: string): number => {
  let beforeLast: number[] = [];
  let last = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (let row = 1; row <= left.length; row += 1) {
    const next = [row];
    for (let column = 1; column <= right.length; column += 1) {
      const isSame = left[row - 1] === right[column - 1];
      let cost = Math.min((last[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1, (last[column - 1] ?? 0) + (isSame ? 0 : 1));
      const isSwap = row > 1 && column > 1 && left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1];
      if (isSwap) cost = Math.min(cost, (beforeLast[column - 2] ?? 0) + 1);
      next.push(cost);
    }
    beforeLast = last;
    last = next;
  }
  return last[right.length] ?? 0;
};

const comparedCharactersMax = 64;
const comparedNamesMax = 2_000;

/** The known name a mistyped one was meant to be, or null when none is near: at most a third of its characters may differ. */
export const nearestName = (mistyped: string, known: Iterable<string>): string | null => {
  if (mistyped.length > comparedCharactersMax) return null;
  let nearest: string | null = null;
  let least = Math.max(1, Math.floor(mistyped.length / 3)) + 1;
  let compared = 0;
  for (const name of known) {
    compared += 1;
    if (compared > comparedNamesMax) break;
    if (Math.abs(name.length - mistyped.length) >= least) continue;
    const distance = editDistance(mistyped.toLowerCase(), name.toLowerCase());
    if (distance < least) {
      least = distance;
      nearest = name;
    }
  }
  return nearest;
};

/** `; did you mean "x"?`, or nothing. */
export const suggestion = (mistyped: string, known: Iterable<string>): string => {
  const name = nearestName(mistyped, known);
  return name === null ? '' : `; did you mean "${name}"?`;
};
