import { asId } from '@jiwei/shared/ids.ts';
import type { Notice, NotifyWorld } from '../../collector/src/notify/notifier.ts';
import { incidentOf } from './store-samples.ts';

export const noticeOf = (part: Partial<Notice> = {}): Notice => ({
  id: asId<'notification'>('inc-1.1.firing.duty'),
  notice: 'firing',
  incident: incidentOf({ faultFromMs: 1_762_495_385_000 }),
  names: { asset: '政务服务网', unit: '税务局', zone: '东片区' },
  createdAtMs: 1_762_495_388_000,
  ...part,
});

/** A world whose files are given and whose log is kept. */
export const worldOf = (files: Readonly<Record<string, string>> = {}) => {
  const lines: { readonly level: string; readonly fields: object; readonly message: string }[] = [];
  const level = (name: string) => (fields: object, message: string) => void lines.push({ level: name, fields, message });
  const world: NotifyWorld = {
    log: { info: level('info'), warn: level('warn'), error: level('error') },
    readFile: async (path) => {
      const text = files[path];
      if (text === undefined) throw new Error(`there is no file ${path}`);
      return text;
    },
  };
  return { world, lines };
};
