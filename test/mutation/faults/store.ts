import type { Fault } from '../fault.ts';

const sqlite = 'collector/src/store/sqlite';

/** What is damaged is found, said, and never computed from. */
export const storeFaults: readonly Fault[] = [
  {
    id: 'row-sum-unread',
    rule: 'a row that does not fit its checksum is refused wherever it is read',
    file: `${sqlite}/dialect.ts`,
    find: 'if (misfit !== null) throw corruptStore(path, misfit);',
    replace: '',
  },
  {
    id: 'row-named-by-secret',
    rule: 'what names a damaged row shows no secret and no hash',
    file: 'collector/src/store/sql/row-sum.ts',
    find: "  setting: ['name'],\n}",
    replace: "  setting: ['name', 'value'],\n}",
  },
  {
    id: 'long-text-named',
    rule: 'a text as long as a secret is not shown, whichever column it was read from',
    file: 'collector/src/store/sql/row-sum.ts',
    find: 'text.length > shownCharactersMax',
    replace: 'text.length > 1_000',
  },
  {
    id: 'damaged-table-answers',
    rule: 'a table whose rows may not be found gives no answer',
    file: `${sqlite}/dialect.ts`,
    find: 'if (refused !== undefined) throw corruptStore(path, refused);',
    replace: '',
  },
  {
    id: 'damaged-table-has-nothing',
    rule: 'that a damaged table has nothing is no answer either',
    file: `${sqlite}/dialect.ts`,
    find: 'if (rows.length === 0 && refusedBySumColumn.size === 0) return rows;',
    replace: 'if (rows.length === 0) return rows;',
  },
  {
    id: 'damage-forgotten',
    rule: 'a start knows of damage that an earlier run found',
    file: 'collector/src/store/sqlite.ts',
    find: 'if (!isMemory) await noteDamage(options.path, findings.damages);',
    replace: '',
  },
  {
    id: 'noted-damage-unread',
    rule: 'where damage was found all is read again, and the word of it taken away when it is mended',
    file: `${sqlite}/open.ts`,
    find: 'await checkNotedDamage(path);',
    replace: '',
  },
  {
    id: 'indexes-unread',
    rule: 'a look at all compares every index with its table',
    file: `${sqlite}/damage.ts`,
    find: "const structureCheck = 'integrity_check';",
    replace: "const structureCheck = 'quick_check';",
  },
  {
    id: 'rows-unread',
    rule: 'a look at all compares each row with its checksum',
    file: `${sqlite}/damage.ts`,
    find: 'if (misfit === null) continue;',
    replace: 'continue;',
  },
  {
    id: 'lost-commits-unseen',
    rule: 'a database that lacks commits that were made is refused',
    file: `${sqlite}/commit-mark.ts`,
    find: 'if (markedCount !== null && markedCount > commitCount) {',
    replace: 'if (markedCount === -1) {',
  },
  {
    id: 'start-without-check',
    rule: 'a start reads the structure of the file',
    file: `${sqlite}/open.ts`,
    find: "if (verdict !== 'ok') throw corruptStore(handle.path, verdict);",
    replace: '',
  },
  {
    id: 'backup-unverified',
    rule: 'a backup that was damaged after it was made is not restored',
    file: `${sqlite}/restore.ts`,
    find: 'if (sha256 !== manifest.sha256) throw',
    replace: "if (sha256 === '') throw",
  },
  {
    id: 'damage-unsaid',
    rule: 'damage that is found is said in the log',
    file: 'collector/src/runtime/verification.ts',
    find: 'if (damages.length === 0) {',
    replace: 'if (damages.length >= 0) {',
  },
];
