import { withSum } from '../sql/row-sum.ts';
import type { SqliteHandle } from './dialect.ts';

/**
 * A database that was put there from elsewhere, such as a backup, may be older than what was done: notifications that wait in it may have been
 * tried since, and whoever heard an alarm must hear its end.
 */
export const doubtArrivals = (handle: SqliteHandle): void => {
  const update = handle.prepare('update outbox set may_have_arrived = ?, outbox_sum = ? where id = ?');
  handle.exec('begin immediate');
  try {
    for (const row of handle.prepare("select * from outbox where state = 'waiting' and may_have_arrived = 0").all([])) {
      const changed = { may_have_arrived: 1 };
      update.run([changed.may_have_arrived, withSum('outbox', { ...row, ...changed }).outbox_sum, String(row['id'])]);
    }
    handle.exec('commit');
  } catch (thrown) {
    handle.exec('rollback');
    throw thrown;
  }
};
