import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import ts from 'typescript'

const folders = ['.', 'load', 'run', 'servers']

/**
 * Turns the bench's own code into plain JavaScript in `target`, so that the measured processes run on
 * Node alone: a TypeScript loader in them would add its thread, memory and time to the numbers.
 */
export function compileBench(source: string, target: string): void {
  const compilerOptions = {
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.ESNext,
    rewriteRelativeImportExtensions: true,
    verbatimModuleSyntax: true,
  }
  for (const file of folders.flatMap((folder) => sourceFiles(source, folder))) {
    const { outputText } = ts.transpileModule(readFileSync(join(source, file), 'utf8'), {
      compilerOptions,
    })
    const compiled = join(target, file.replace(/\.ts$/, '.js'))
    mkdirSync(dirname(compiled), { recursive: true })
    writeFileSync(compiled, outputText)
  }
}

function sourceFiles(source: string, folder: string): string[] {
  const names = readdirSync(join(source, folder))
  const isSource = (name: string) => name.endsWith('.ts') && !name.endsWith('.test.ts')
  return names.filter(isSource).map((name) => join(folder, name))
}
