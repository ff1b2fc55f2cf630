import { seriesText } from '@jiwei/shared/series.ts';
import { parseSeriesText } from '@jiwei/shared/series-text.ts';
import { type EscapingScheme, escapeName, escapeNames } from './name-escaping.ts';

/** How one scrape writes names. */
export interface NameWriter {
  readonly scheme: EscapingScheme;
  /** What a family is written as, without quotes. */
  family(name: string): string;
  /**
   * Name and labels of a sample as the scheme wants them.
   * @param text as seriesText makes it, with the names as they are
   * @param familyName the name in it, or what it begins with
   */
  series(text: string, familyName: string): string;
  /** Whether the scheme leaves the text of a series alone. */
  keeps(name: string, labels: string): boolean;
}

/** @param familyNames of all families of the scrape, so that no two are written alike */
export const createNameWriter = (scheme: EscapingScheme, familyNames: Iterable<string>): NameWriter => {
  const families = escapeNames(familyNames, 'metric', scheme);
  const family = (name: string): string => families.get(name) ?? escapeName(name, 'metric', scheme);
  return {
    scheme,
    family,
    series: (text, familyName) => {
      const series = parseSeriesText(text);
      // Text that is no series is written as it is: whoever reads it then says so.
      if (series === null) return text;
      const labels = escapeNames(
        series.labels.map(([name]) => name),
        'label',
        scheme,
      );
      return seriesText(
        `${family(familyName)}${series.name.slice(familyName.length)}`,
        series.labels.map(([name, value]) => [labels.get(name) ?? name, value]),
      );
    },
    keeps: (name, labels) =>
      scheme === 'allow-utf-8' ||
      // Names in quotes may be seen in a value too: then the longer way is gone, with the same result.
      (scheme !== 'dots' && family(name) === name && !/^"|,"|(?:^|,)U__/.test(labels)),
  };
};
