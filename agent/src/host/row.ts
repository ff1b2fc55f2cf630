/** The row that is being filled; its arrays are used again from row to row, as this is the hot path. */
export interface Row {
  begin(): void;
  /** @param index position in the series book; -1 and NaN are left out */
  put(index: number, value: number): void;
  /** The row as arrays of its own, ascending by index. */
  end(): { readonly indexes: Uint32Array; readonly values: Float64Array };
}

/** An empty row that grows with what is put into it. */
export const createRow = (): Row => {
  let values = new Float64Array(1_024);
  /** Number of the row in which a position was last filled. */
  let filledIn = new Uint32Array(1_024);
  let rowNumber = 0;
  let filledCount = 0;
  let endIndex = 0;
  let lastIndexes = new Uint32Array(0);

  const grow = (index: number): void => {
    const lengthNeeded = Math.max(index + 1, values.length * 2);
    const grownValues = new Float64Array(lengthNeeded);
    grownValues.set(values);
    values = grownValues;
    const grownFilledIn = new Uint32Array(lengthNeeded);
    grownFilledIn.set(filledIn);
    filledIn = grownFilledIn;
  };

  return {
    begin: () => {
      rowNumber += 1;
      filledCount = 0;
    },
    put: (index, value) => {
      if (index < 0 || Number.isNaN(value)) return;
      if (index >= values.length) grow(index);
      if (filledIn[index] !== rowNumber) filledCount += 1;
      filledIn[index] = rowNumber;
      values[index] = value;
      if (index >= endIndex) endIndex = index + 1;
    },
    end: () => {
      const rowValues = new Float64Array(filledCount);
      // Series seldom come and go: the last row's indexes usually serve again, and callers only read them.
      let indexes = lastIndexes.length === filledCount ? lastIndexes : new Uint32Array(filledCount);
      let count = 0;
      for (let index = 0; index < endIndex; index += 1) {
        if (filledIn[index] !== rowNumber) continue;
        if (indexes[count] !== index) {
          if (indexes === lastIndexes) indexes = lastIndexes.slice();
          indexes[count] = index;
        }
        rowValues[count] = values[index] ?? Number.NaN;
        count += 1;
      }
      lastIndexes = indexes;
      return { indexes, values: rowValues };
    },
  };
};
