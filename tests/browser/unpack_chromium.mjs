// Unpacks the headless Chromium of npm's @sparticuz/chromium into node_modules/.chromium, with a script that starts it.
// The package includes the few libraries that it is linked against, and a font: nothing else is needed.
// Usage: node unpack_chromium.mjs
import { chmodSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { inflate } from '@sparticuz/chromium';

const nodeModules = join(import.meta.dirname, 'node_modules');
const packed = join(nodeModules, '@sparticuz', 'chromium', 'bin');
const target = join(nodeModules, '.chromium');
const partial = `${target}.part`;
if (process.arch !== 'x64') {
  console.error(`browser: npm's Chromium is for x64 machines; this one is ${process.arch}.`);
  process.exit(1);
}
rmSync(partial, { recursive: true, force: true });
mkdirSync(partial, { recursive: true });
// The package unpacks into the folder for temporary files, and reuses files that it finds there.
process.env.TMPDIR = partial;
for (const name of ['chromium.br', 'al2023.tar.br', 'swiftshader.tar.br', 'fonts.tar.br']) {
  await inflate(join(packed, name));
}
writeFileSync(
  join(partial, 'fonts.conf'),
  `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig>
  <dir prefix="relative">fonts</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
</fontconfig>
`,
);
const script = join(partial, 'chromium-with-libraries');
writeFileSync(
  script,
  `#!/bin/sh
folder=$(dirname "$(readlink -f "$0")")
export LD_LIBRARY_PATH="$folder/al2023/lib" FONTCONFIG_FILE="$folder/fonts.conf"
exec "$folder/chromium" "$@"
`,
);
chmodSync(script, 0o755);
rmSync(target, { recursive: true, force: true });
renameSync(partial, target);
