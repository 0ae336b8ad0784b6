import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'

/** Which folder may import which: the arrows of docs/ARCHITECTURE.md. A new folder adds its row here. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  domain: [],
  ports: ['domain'],
  gateway: ['ports', 'domain'],
  admin: ['ports', 'domain'],
  providers: ['ports', 'domain'],
  store: ['ports', 'domain'],
  telemetry: ['ports', 'domain'],
  tokenizer: ['ports', 'domain'],
  credentials: ['ports', 'domain'],
  control: ['ports', 'domain'],
  webhooks: ['ports', 'domain'],
  limiter: ['ports', 'domain'],
  proxy: ['ports', 'domain'],
  config: ['domain'],
  http: ['gateway', 'admin', 'ports', 'domain'],
  wiring: [
    ...['admin', 'config', 'control', 'credentials', 'domain', 'gateway', 'http'],
    ...['limiter', 'ports', 'providers', 'proxy', 'store', 'telemetry', 'tokenizer', 'webhooks'],
  ],
  cli: ['wiring', 'config', 'admin', 'ports', 'domain'],
  main: ['config', 'wiring'],
}

/** These know nothing of the world: no packages, and no Node. */
const PURE = new Set(['domain', 'ports', 'gateway', 'admin'])
/** But for zod, by which use cases say what they take: one schema is the parser, the type and the documentation. */
const ALLOWED_PACKAGES: Readonly<Record<string, readonly string[]>> = { admin: ['zod'] }
const FILE_LINES_MAX = 250
const FUNCTION_LINES_MAX = 50
const PARAMETERS_MAX = 3
const MAIN_LINES_MAX = 60
const FORBIDDEN_FOLDERS = ['utils', 'helpers', 'common', 'services', 'managers']

const src = path.dirname(fileURLToPath(import.meta.url))
const files = fs
  .readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
  .map((name) => {
    const text = fs.readFileSync(path.join(src, name), 'utf8')
    return { name, text, tree: ts.createSourceFile(name, text, ts.ScriptTarget.ES2023, true) }
  })

type SourceFile = (typeof files)[number]

const folderOf = (name: string): string => name.split(path.sep)[0]?.replace(/\.ts$/, '') ?? ''

/** Each folder of adapters that must not know its siblings counts as a folder of its own. */
const adapterOf = (name: string): string => {
  const [folder = '', adapter = ''] = name.split(path.sep)
  return folder === 'providers' && !adapter.endsWith('.ts') ? `${folder}/${adapter}` : folder
}

function importsOf({ tree }: SourceFile): string[] {
  return tree.statements.flatMap((statement) => {
    const isImport = ts.isImportDeclaration(statement) || ts.isExportDeclaration(statement)
    if (!isImport || statement.moduleSpecifier === undefined) return []
    return [(statement.moduleSpecifier as ts.StringLiteral).text]
  })
}

const inside = (file: SourceFile): string[] =>
  importsOf(file)
    .filter((specifier) => specifier.startsWith('.'))
    .map((specifier) => path.join(path.dirname(file.name), specifier))

describe('the house', () => {
  test('imports follow the arrows', () => {
    const wrong = files.flatMap((file) =>
      inside(file)
        .filter((target) => {
          const [from, to] = [folderOf(file.name), folderOf(target)]
          return from !== to && !(ARROWS[from] ?? []).includes(to)
        })
        .map((target) => `${file.name} → ${target}`),
    )
    expect(wrong).toEqual([])
  })

  test('one provider does not know another', () => {
    const wrong = files.flatMap((file) =>
      inside(file)
        .filter((target) => {
          const [from, to] = [adapterOf(file.name), adapterOf(target)]
          return from.startsWith('providers/') && to.startsWith('providers/') && from !== to
        })
        .map((target) => `${file.name} → ${target}`),
    )
    expect(wrong).toEqual([])
  })

  test('every folder has its row of arrows', () => {
    const folders = new Set(files.map(({ name }) => folderOf(name)))
    expect([...folders].filter((folder) => ARROWS[folder] === undefined)).toEqual([])
    expect([...folders].filter((folder) => FORBIDDEN_FOLDERS.includes(folder))).toEqual([])
  })

  test('what decides imports no package and nothing of Node', () => {
    const wrong = files
      .filter(({ name }) => PURE.has(folderOf(name)))
      .flatMap((file) =>
        importsOf(file)
          .filter((one) => !one.startsWith('.'))
          .filter((one) => !(ALLOWED_PACKAGES[folderOf(file.name)] ?? []).includes(one))
          .map((one) => `${file.name} → ${one}`),
      )
    expect(wrong).toEqual([])
  })

  test('what decides asks for time, chance, network and environment as arguments', () => {
    const wrong = files
      .filter(({ name }) => ['domain', 'gateway'].includes(folderOf(name)))
      .filter(({ text }) =>
        /\b(?:Date\.now|new Date\(\)|Math\.random|fetch\(|process\.|crypto\.|performance\.|setTimeout|setInterval)/.test(
          text,
        ),
      )
      .map(({ name }) => name)
    expect(wrong).toEqual([])
  })

  test('the environment is read in main and cli alone', () => {
    const readers = files
      .filter(({ text }) => text.includes('process.env'))
      .map(({ name }) => folderOf(name))
    expect(readers.filter((folder) => folder !== 'main' && folder !== 'cli')).toEqual([])
  })

  test('a command needs nothing that is declared behind the start of its main', () => {
    const wrong = files.flatMap(({ name, text }) => {
      const start = /^(?:try \{\n {2})?(?:await )?main\(\)$/m.exec(text)
      const behind = start && /^(?:const|let|class) \w+/m.exec(text.slice(start.index))
      return behind === null ? [] : [`${name}: ${behind[0]}`]
    })
    expect(wrong).toEqual([])
  })

  test('files are read in one go', () => {
    const long = files
      .map(({ name, text }) => ({ name, lines: text.split('\n').length - 1 }))
      .filter(({ name, lines }) => lines > (name === 'main.ts' ? MAIN_LINES_MAX : FILE_LINES_MAX))
    expect(long).toEqual([])
  })

  test('functions are short and take few parameters', () => {
    const wrong: string[] = []
    for (const { name, tree } of files) {
      const visit = (node: ts.Node): void => {
        if (ts.isFunctionLike(node) && 'body' in node && node.body !== undefined) {
          const at = (position: number) => tree.getLineAndCharacterOfPosition(position).line
          const lines = at(node.end) - at(node.getStart()) + 1
          if (lines > FUNCTION_LINES_MAX)
            wrong.push(`${name}:${at(node.getStart()) + 1} has ${lines} lines`)
          if (node.parameters.length > PARAMETERS_MAX) {
            wrong.push(
              `${name}:${at(node.getStart()) + 1} has ${node.parameters.length} parameters`,
            )
          }
        }
        ts.forEachChild(node, visit)
      }
      visit(tree)
    }
    expect(wrong).toEqual([])
  })
})
