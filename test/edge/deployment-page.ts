// docs/DEPLOYMENT.md, as a list of commands: those of its blocks, and those that stand in a line of text.
import { textOf } from '../support/compose-file.ts'

const PAGE = 'docs/DEPLOYMENT.md'

/** What a command begins with; other words in backquotes are names of things. */
const BEGINNING =
  /^(?:sudo|docker|docker-compose|podman|node|git|ss|tail|du|grep|curl|dig|openssl|htpasswd|set|GATEWAY_IMAGE=\S+ docker)\s|^scripts\/\S+\.sh/

export function commandsOfPage(): readonly string[] {
  const page = textOf(PAGE)
  const blocks = [...page.matchAll(/^```sh\n([^]*?)^```$/gm)].map(([, text = '']) => text)
  const inBlocks = blocks.flatMap((text) => text.replace(/\\\n\s*/g, '').split('\n'))
  const text = page.replace(/^```[^]*?^```$/gm, '')
  const inText = [...text.matchAll(/`([^`]+)`/g)].map(([, words = '']) =>
    words.replace(/\s+/g, ' '),
  )
  const all = [...inBlocks, ...inText].map((line) => line.replace(/\s+#\s.*$/, '').trim())
  return [...new Set(all.filter((line) => BEGINNING.test(line)))]
}
