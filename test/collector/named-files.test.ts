import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { notifyWorld } from '../../collector/src/notify/world.ts';
import { readText, readTextNow } from '../../collector/src/registry/file-text.ts';
import { lacks } from '../support/components.ts';
import { worldOf } from '../support/notices.ts';
import { testFolder } from '../support/processes.ts';

test.skipIf(lacks('unix'))('a pipe that a declaration names holds up nobody', async () => {
  const folder = await testFolder();
  const [pipe, file] = [join(folder.path, 'pipe'), join(folder.path, 'file')];
  execFileSync('mkfifo', [pipe]);
  await writeFile(file, 'text');
  const world = notifyWorld(worldOf().world.log);
  expect([await world.readFile(file), await readText(file), readTextNow(file)]).toEqual([
    'text',
    { text: 'text' },
    { text: 'text' },
  ]);
  await expect(world.readFile(pipe)).rejects.toMatchObject({
    code: 'CONFIG_UNREADABLE',
    message: expect.stringContaining(`the file ${pipe} cannot be read by the service user: it is no regular file`),
  });
  const error = { message: expect.stringContaining(`cannot read ${pipe}: it is no regular file`) };
  expect([await readText(pipe), readTextNow(pipe)]).toMatchObject([{ error }, { error }]);
  await folder.remove();
});
