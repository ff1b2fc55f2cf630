import type { CheckResult } from '@jiwei/shared/check.ts';
import { asId, declaredIdPattern } from '@jiwei/shared/ids.ts';
import { limits } from '@jiwei/shared/limits.ts';
import { reasonCodes } from '@jiwei/shared/reasons.ts';
import { outcomes } from '@jiwei/shared/status.ts';

/**
 * Reads the body of a results frame the quick way. Every answer of every agent passes here, and the schema takes ten times as long; so this
 * says yes to exactly what the schema says yes to, with the same value, and leaves the refusals, and the words for them, to it.
 * @returns null for whatever is not plainly right: then ask `resultsBodySchema`
 */
export const plainResults = (json: unknown): readonly CheckResult[] | null => {
  const listed = isObject(json) ? json['results'] : null;
  if (!Array.isArray(listed) || listed.length < 1 || listed.length > limits.resultsPerFrameMax) return null;
  const results: CheckResult[] = [];
  for (const one of listed) {
    const result = plainResult(one);
    if (result === null) return null;
    results.push(result);
  }
  return results;
};

const plainResult = (json: unknown): CheckResult | null => {
  if (!isObject(json) || !isObject(json['run'])) return null;
  const { checkId, observedAtMs, latencyMs, method, detail } = json;
  const { ofDown, ofUp } = json['run'];
  const outcome = outcomes.find((known) => known === json['outcome']);
  const reason = reasonOf.get(json['reason']);
  if (typeof checkId !== 'string' || !declaredIdPattern.test(checkId) || outcome === undefined || reason === undefined)
    return null;
  if (!isCount(observedAtMs) || !isCount(ofDown) || !isCount(ofUp)) return null;
  if (latencyMs !== null && !(isFiniteNumber(latencyMs) && latencyMs >= 0)) return null;
  const result = { checkId: asId<'check'>(checkId), observedAtMs, outcome, reason, latencyMs, run: { ofDown, ofUp } };
  if (method === undefined && detail === undefined && json['values'] === undefined) return result;
  if (!isTextOrAbsent(method, 32) || !isTextOrAbsent(detail, limits.detailCharactersMax)) return null;
  const values = json['values'] === undefined ? undefined : plainValues(json['values']);
  if (values === null) return null;
  return {
    ...result,
    ...(method === undefined ? {} : { method }),
    ...(detail === undefined ? {} : { detail }),
    ...(values === undefined ? {} : { values }),
  };
};

const reasonOf: ReadonlyMap<unknown, CheckResult['reason']> = new Map(reasonCodes.map((code) => [code, code]));
const valueKeyMax = limits.metricNameBytesMax + limits.labelValueBytesMax;

const plainValues = (json: unknown): NonNullable<CheckResult['values']> | null => {
  if (!isObject(json)) return null;
  const values: Record<string, number> = {};
  let count = 0;
  for (const key in json) {
    const value = json[key];
    count += 1;
    // `__proto__` would not become a key of its own here; the schema knows what to do about it.
    if (!isFiniteNumber(value) || key.length > valueKeyMax || key === '__proto__' || count > limits.valuesPerResultMax)
      return null;
    values[key] = value;
  }
  return values;
};

const isObject = (json: unknown): json is Readonly<Record<string, unknown>> =>
  typeof json === 'object' && json !== null && !Array.isArray(json);
const isFiniteNumber = (json: unknown): json is number => typeof json === 'number' && Number.isFinite(json);
const isCount = (json: unknown): json is number => Number.isSafeInteger(json) && typeof json === 'number' && json >= 0;
const isTextOrAbsent = (json: unknown, lengthMax: number): json is string | undefined =>
  json === undefined || (typeof json === 'string' && json.length <= lengthMax);
