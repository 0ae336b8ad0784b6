import fs from 'node:fs'

/** The version in package.json, two folders up from here in source and build alike. */
export const VERSION = (
  JSON.parse(fs.readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
).version
