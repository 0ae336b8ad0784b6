// Limits as callers meet them: over real HTTP, many at a time.
import fs from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { configFor, openHouse, type Client, type House } from './support/house.ts'
import { chat, raw, type RawAnswer } from './support/raw.ts'

const MODELS = { words: ['answer?chunks=2'], scarce: ['answer?chunks=2'], down: ['status?code=500'] }

/** A prompt of the test is bounded by some tokens, and its answer by 16. */
const CAP = 16

let house: House
beforeAll(async () => {
  house = await openHouse(MODELS)
})
afterAll(() => house.close())
