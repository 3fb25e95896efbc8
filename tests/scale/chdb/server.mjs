// As much of ClickHouse's HTTP interface as the collector uses, over chDB:
// today's ClickHouse as a library. The collector's own tests then run against
// the current dialect (tests/scale/chdb/run).
// usage: node server.mjs DIRECTORY   prints its address
import { createServer } from 'node:http';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Session } from 'chdb';

const directory = process.argv[2];
const files = join(directory, 'user_files');
mkdirSync(files, { recursive: true });
const session = new Session(join(directory, 'data'));
const types = new Map([
  ['day', 'Int32'], ['hour', 'Int32'], ['school', 'String'],
  ['happened', 'Int64'], ['received', 'Int64'], ['block', 'UInt64'],
  ['n', 'UInt32'], ['device', 'String'], ['subject', 'String'],
  ['epoch', 'UInt64'], ['body', 'String'],
]);

let turn = Promise.resolve();
let number = 0;

// chDB takes no rows beside a statement: they lie in a file for it.
async function insert(sql, rows) {
  const [, table, list] = /^INSERT INTO (\S+) \(([^)]*)\) FORMAT RowBinary$/
    .exec(sql);
  const structure = list.split(', ')
    .map((name) => `${name} ${types.get(name)}`).join(', ');
  const file = join(files, `${++number}.rows`);
  writeFileSync(file, rows);
  try {
    await session.queryAsync(`INSERT INTO ${table} (${list}) SELECT ${list} ` +
      `FROM file('${file}', 'RowBinary', '${structure}')`);
  } finally {
    rmSync(file);
  }
  return Buffer.alloc(0);
}

async function answer(url, body) {
  const settings = [...url.searchParams].filter(
    ([name]) => !['query', 'wait_end_of_query'].includes(name));
  for (const [name, value] of settings) {
    await session.queryAsync(`SET ${name} = ${Number(value)}`);
  }
  const query = url.searchParams.get('query');
  if (query !== null) return insert(query, body);
  const result = await session.queryAsync(body.toString());
  return Buffer.from(result.bytes());
}

const server = createServer((request, response) => {
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', () => {
    // One statement after the other: settings are the session's.
    turn = turn.then(async () => {
      try {
        const url = new URL(request.url, 'http://127.0.0.1');
        const bytes = await answer(url, Buffer.concat(parts));
        response.writeHead(200).end(bytes);
      } catch (error) {
        const said = /Code: \d+[^]*/.exec(error.message);
        response.writeHead(500).end(said ? said[0] : `Code: 0. ${error}`);
      }
    });
  });
});
server.listen(0, '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}`);
});
