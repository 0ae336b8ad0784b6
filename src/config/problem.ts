import type { Notice, Problem } from './config.ts'

/** Where something stands in the file: `['models', 3, 'price']`. */
export type Path = readonly (string | number)[]

export type Report = (problem: Problem) => void

/** The same for a file whose name and lines are known. */
export type Complain = (path: Path, message: string, fix: string) => void

/** `models[3].price`; a name that is not plain is quoted: `tiers["my tier"]`. */
export function pathText(path: Path): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`
    if (!/^[\w-]+$/.test(step)) return `${text}[${JSON.stringify(step)}]`
    return text === '' ? step : `${text}.${step}`
  }, '')
}

/** `config/gateway.yaml:42: models[3].price: is missing; fix: write …` */
export function formatProblem({ file, line, path, message, fix }: Problem): string {
  const place = line === undefined ? file : `${file}:${line}`
  const subject = path === '' ? '' : ` ${path}:`
  return `${place}:${subject} ${message}; fix: ${fix}`
}

const SUBJECTS = {
  provider_off: 'provider ',
  model_off: 'model ',
  demo_on: '',
  demo_off: '',
  warning: '',
} as const satisfies Record<Notice['kind'], string>

/** `provider openai is off: OPENAI_API_KEY is not set` */
export function formatNotice({ kind, subject, message }: Notice): string {
  return `${SUBJECTS[kind]}${subject} ${message}`
}
