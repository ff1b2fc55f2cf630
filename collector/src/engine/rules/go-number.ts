/**
 * A number as Go's `%v` writes it, which is what a Prometheus template shows: the shortest digits that read back the same; below 1e-4 and
 * from 1e6 on with an exponent of at least two digits (1e+06).
 */
export const goNumberText = (value: number): string => {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  const [digits = '', exponentText = '0'] = value.toExponential().split('e');
  const exponent = Number(exponentText);
  // Between 1e-4 and 1e6 ECMAScript's own form has the same shortest digits and no exponent.
  if (exponent >= -4 && exponent < 6) return String(value);
  return `${digits}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
};
