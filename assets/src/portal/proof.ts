// SPDX-License-Identifier: AGPL-3.0-or-later

// Finds a text whose SHA-256 together with the stamp begins with a number of zero bits (identity/stamp.go). The
// browser's own digest answers one at a time and asynchronously, which is fifty times slower than this loop.

const sliceMS = 30; // the page stays alive between slices

export async function findWork(stamp: string, bits: number): Promise<string> {
  const prefix = new TextEncoder().encode(`${stamp}:`);
  let next = performance.now() + sliceMS;
  for (let n = 0; ; n++) {
    const work = n.toString(36);
    if (leadingZeros(sha256(prefix, work)) >= bits) return work;
    if ((n & 255) === 0 && performance.now() > next) {
      await new Promise((resolve) => setTimeout(resolve));
      next = performance.now() + sliceMS;
    }
  }
}

function leadingZeros(state: Int32Array): number {
  const first = state[0]!;
  return first === 0 ? 32 + Math.clz32(state[1]!) : Math.clz32(first);
}

const K = constants();
const w = new Int32Array(64);
const state = new Int32Array(8);
const start = Int32Array.of(0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19);
const block = new Uint8Array(128);
const view = new DataView(block.buffer);

// sha256 hashes prefix + tail, together at most 119 bytes (FIPS 180-4, section 6.2). The result is overwritten by the next call.
function sha256(prefix: Uint8Array, tail: string): Int32Array {
  const length = prefix.length + tail.length;
  const end = length > 55 ? 128 : 64;
  block.fill(0);
  block.set(prefix);
  for (let i = 0; i < tail.length; i++) block[prefix.length + i] = tail.charCodeAt(i);
  block[length] = 0x80;
  view.setUint32(end - 4, length * 8);
  state.set(start);
  for (let at = 0; at < end; at += 64) compress(at);
  return state;
}

function compress(at: number): void {
  for (let i = 0; i < 16; i++) w[i] = view.getInt32(at + i * 4);
  for (let i = 16; i < 64; i++) {
    const x = w[i - 15]!;
    const y = w[i - 2]!;
    const s0 = rotate(x, 7) ^ rotate(x, 18) ^ (x >>> 3);
    const s1 = rotate(y, 17) ^ rotate(y, 19) ^ (y >>> 10);
    w[i] = (w[i - 16]! + s0 + w[i - 7]! + s1) | 0;
  }
  let a = state[0]!;
  let b = state[1]!;
  let c = state[2]!;
  let d = state[3]!;
  let e = state[4]!;
  let f = state[5]!;
  let g = state[6]!;
  let h = state[7]!;
  for (let i = 0; i < 64; i++) {
    const s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + K[i]! + w[i]!) | 0;
    const s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + t2) | 0;
  }
  state[0]! += a;
  state[1]! += b;
  state[2]! += c;
  state[3]! += d;
  state[4]! += e;
  state[5]! += f;
  state[6]! += g;
  state[7]! += h;
}

function rotate(x: number, by: number): number {
  return (x >>> by) | (x << (32 - by));
}

// The first 32 bits of the fractional parts of the cube roots of the first 64 primes (FIPS 180-4, section 4.2.2).
function constants(): Int32Array {
  const k = new Int32Array(64);
  for (let n = 2, i = 0; i < 64; n++) {
    let prime = true;
    for (let d = 2; d * d <= n; d++) prime &&= n % d !== 0;
    if (prime) {
      const root = Math.cbrt(n);
      k[i++] = ((root - Math.floor(root)) * 2 ** 32) | 0;
    }
  }
  return k;
}
