// The cryptography of opening a name, loaded only when somebody does. Boxes
// are libsodium's crypto_box_seal, share files those of
// collector/fleet/name_shares.h, shares those of proto/seal/shamir.h.
import { xchacha20poly1305 } from "@noble/ciphers/chacha";
import { hsalsa, xsalsa20poly1305 } from "@noble/ciphers/salsa";
import { x25519 } from "@noble/curves/ed25519";
import { argon2idAsync } from "@noble/hashes/argon2";
import { blake2b } from "@noble/hashes/blake2b";

const kind = "schoolgate name share 1";
const keyBytes = 32;
const mostOperations = 10;
const mostMemoryKib = 256 << 10;

// What went wrong, in words for the reader.
function problem(words: string): Error {
  const error = new Error(words);
  error.name = "share";
  return error;
}

export interface Share {
  school: string;
  holder: string;
  number: number;
  key: Uint8Array; // the school's public key
  bytes: Uint8Array;
}

export const toHex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

export function fromHex(text: unknown): Uint8Array {
  if (typeof text !== "string" || text.length % 2 || !/^[0-9a-f]*$/.test(text)) throw problem("Something that was sent is damaged. Ask again.");
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

export function newPair(): { secret: Uint8Array; key: Uint8Array } {
  const secret = crypto.getRandomValues(new Uint8Array(keyBytes));
  return { secret, key: x25519.getPublicKey(secret) };
}

// As proto/seal/keys.h: eight bytes that name a public key.
export const keyId = (key: Uint8Array): string => toHex(blake2b(key, { dkLen: keyBytes }).slice(0, 8));

// Two people compare it to know that nobody put another key in between.
export const checkCode = (key: Uint8Array): string =>
  (toHex(blake2b(key, { dkLen: keyBytes }).slice(8, 14)).match(/..../g) ?? []).join(" ");

const words = (bytes: Uint8Array): Uint32Array => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Uint32Array.from({ length: bytes.length / 4 }, (_, i) => view.getUint32(4 * i, true));
};

function boxCipher(secret: Uint8Array, theirs: Uint8Array, sender: Uint8Array, receiver: Uint8Array) {
  const out = new Uint32Array(8);
  hsalsa(words(new TextEncoder().encode("expand 32-byte k")), words(x25519.getSharedSecret(secret, theirs)), new Uint32Array(4), out);
  const lock = new Uint8Array(keyBytes);
  const view = new DataView(lock.buffer);
  out.forEach((word, i) => view.setUint32(4 * i, word, true));
  const both = new Uint8Array(2 * keyBytes);
  both.set(sender);
  both.set(receiver, keyBytes);
  return xsalsa20poly1305(lock, blake2b(both, { dkLen: 24 }));
}

export function sealTo(receiver: Uint8Array, message: Uint8Array): Uint8Array {
  const once = newPair();
  const sealed = boxCipher(once.secret, receiver, once.key, receiver).encrypt(message);
  const box = new Uint8Array(keyBytes + sealed.length);
  box.set(once.key);
  box.set(sealed, keyBytes);
  return box;
}

export function openBox(secret: Uint8Array, box: Uint8Array): Uint8Array {
  const sender = box.slice(0, keyBytes);
  return boxCipher(secret, sender, sender, x25519.getPublicKey(secret)).decrypt(box.slice(keyBytes));
}

function readShareFile(text: string): Record<string, unknown> {
  let file: unknown;
  try {
    file = JSON.parse(text);
  } catch {
    file = null;
  }
  const fields = (file ?? {}) as Record<string, unknown>;
  const within = (name: string, most: number) => Number.isInteger(fields[name]) && (fields[name] as number) >= 1 && (fields[name] as number) <= most;
  if (fields.kind !== kind || !within("number", 255) || !within("operations", mostOperations) || !within("memory_kib", mostMemoryKib)) {
    throw problem("This file is not a share. Choose the file whose name has “name-share” in it.");
  }
  return fields;
}

// Takes a second or two: the passphrase is made slow to guess on purpose.
export async function openShare(text: string, passphrase: string, wantedKeyId: string): Promise<Share> {
  const file = readShareFile(text);
  const key = fromHex(file.key);
  if (keyId(key) !== wantedKeyId) throw problem("This share is for another school, or for an older key. Choose the right file.");
  const lock = await argon2idAsync(new TextEncoder().encode(passphrase.trim()), fromHex(file.salt), {
    t: file.operations as number, m: file.memory_kib as number, p: 1, dkLen: keyBytes,
  });
  const bound = [kind, file.school, file.holder, file.number, file.needed, file.of, file.key].join("\n");
  try {
    const bytes = xchacha20poly1305(lock, fromHex(file.nonce), new TextEncoder().encode(bound)).decrypt(fromHex(file.sealed));
    return { school: String(file.school), holder: String(file.holder), number: file.number as number, key, bytes };
  } catch {
    throw problem("This passphrase does not unlock this share. Check both and try again.");
  } finally {
    lock.fill(0);
  }
}

// The approver's part: the share, for the requester's eyes only.
export function sealShare(share: Share, requesterKey: string): string {
  const message = new Uint8Array(1 + share.bytes.length);
  message[0] = share.number;
  message.set(share.bytes, 1);
  const box = sealTo(fromHex(requesterKey), message);
  message.fill(0);
  return toHex(box);
}

function product(a: number, b: number): number {
  let result = 0;
  for (let bit = 0; bit < 8; bit++) {
    result ^= -(b & 1) & a;
    a = ((a << 1) ^ (-(a >> 7) & 0x11b)) & 0xff;
    b >>= 1;
  }
  return result & 0xff;
}

function inverse(a: number): number {
  let result = 1;
  for (let i = 0; i < 254; i++) result = product(result, a);
  return result;
}

// The value at 0 of the line through two points, byte by byte.
function join(x: number, a: Uint8Array, y: number, b: Uint8Array): Uint8Array {
  const slope = inverse(x ^ y);
  const ofA = product(y, slope);
  const ofB = product(x, slope);
  return a.map((byte, i) => product(byte, ofA) ^ product(b[i] ?? 0, ofB));
}

// The requester's part: both shares, the key, the name. Nothing of it is kept.
export function openName(own: Share, secret: Uint8Array, sealedShare: string, sealedLogin: string): string {
  let other: Uint8Array;
  try {
    other = openBox(secret, fromHex(sealedShare));
  } catch {
    throw problem("The other person’s share could not be read. Ask again.");
  }
  const number = other[0] ?? 0;
  if (number === own.number) throw problem("Both of you used the same share. It takes two different ones. Ask again.");
  const key = join(own.number, own.bytes, number, other.slice(1));
  try {
    if (toHex(x25519.getPublicKey(key)) !== toHex(own.key)) {
      throw problem("The two shares do not belong together. Check that both are from the same set, and ask again.");
    }
    return new TextDecoder().decode(openBox(key, fromHex(sealedLogin)));
  } finally {
    key.fill(0);
    other.fill(0);
    own.bytes.fill(0);
    secret.fill(0);
  }
}
