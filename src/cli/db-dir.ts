import { diskFiles } from '../config/disk-files.ts'
import { readEnvironment } from '../config/env-file.ts'

/** The data folder, for those who only read it: the rest of the configuration may be wrong. */
export const dbDir = (): string => readEnvironment(process.env, diskFiles)['DB_DIR'] || './db'
