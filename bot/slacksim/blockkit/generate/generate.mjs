// Writes ../schema/blockkit.json: a JSON Schema (draft 2020-12) with one
// definition per document that an app sends to Slack. Run by hand when
// @slack/types is raised:
//
//   npm install && npm run generate
//
// The result is checked in, so building and testing Latchkey needs no Node.
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createGenerator } from 'ts-json-schema-generator';
import { correct } from './corrections.mjs';
import { lift } from './limits.mjs';
import { dispatch } from './unions.mjs';

const documents = ['Message', 'ModalView', 'HomeView', 'Suggestion'];
const here = (path) => new URL(path, import.meta.url).pathname;

// As published, views and attachments take any {type: string} as a block, which
// would let every typing error through.
function narrowBlocks() {
  rmSync(here('build'), { recursive: true, force: true });
  cpSync(here('node_modules/@slack/types/dist'), here('build/types'), { recursive: true });
  cpSync(here('surfaces.ts'), here('build/surfaces.ts'));
  for (const [file, property] of [['views', 'blocks: '], ['message-attachments', 'blocks?: ']]) {
    const path = here(`build/types/${file}.d.ts`);
    const source = readFileSync(path, 'utf8');
    const narrowed = source
      .replace(`${property}AnyBlock[]`, `${property}KnownBlock[]`)
      .replace('import type { AnyBlock }', 'import type { KnownBlock }');
    if (narrowed === source) throw new Error(`${file}.d.ts declares ${property}differently now`);
    writeFileSync(path, narrowed);
  }
}

function definitions(type) {
  const schema = createGenerator({
    path: here('build/surfaces.ts'),
    type,
    expose: 'all',
    topRef: true,
    additionalProperties: false,
    encodeRefs: false,
    skipTypeCheck: true,
  }).createSchema(type);
  return JSON.parse(JSON.stringify(schema.definitions).replaceAll('"#/definitions/', '"#/$defs/'));
}

narrowBlocks();
const defs = Object.assign({}, ...documents.map(definitions));
const limits = lift(defs);
correct(defs);
dispatch(defs, documents);
const { version } = JSON.parse(readFileSync(here('node_modules/@slack/types/package.json'), 'utf8'));
const schema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $comment: `Generated from @slack/types ${version} by generate/generate.mjs; licence and origin in NOTICE.`,
  $defs: defs,
};
writeFileSync(here('../schema/blockkit.json'), `${JSON.stringify(schema, null, 1)}\n`);
rmSync(here('build'), { recursive: true, force: true });
console.log(`${limits} limits lifted from comments`);
