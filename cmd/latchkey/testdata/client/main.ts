// A program in another language than Latchkey's, over a client generated from
// the API's own document: it finds a person's key, rotates it, opens the new
// one, and revokes the old one. What it did goes to standard output, as JSON.
import { createDecipheriv, randomUUID } from 'node:crypto';

import { client } from './api/client.gen';
import { getCredential, listCredentials, listPeople, revokeCredential, rotateCredential } from './api/sdk.gen';
import type { Credential } from './api/types.gen';

function given(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
}

function open(key: Buffer, text: string, id: string): Buffer {
  const raw = Buffer.from(text, 'base64');
  const cipher = createDecipheriv('aes-256-gcm', key, raw.subarray(0, 12));
  cipher.setAAD(Buffer.from(id));
  cipher.setAuthTag(raw.subarray(-16));
  return Buffer.concat([cipher.update(raw.subarray(12, -16)), cipher.final()]);
}

// everyOne walks a list to its end, a page at a time.
async function everyOne(owner: string): Promise<Credential[]> {
  const all: Credential[] = [];
  let cursor: string | undefined;
  do {
    const { data } = await listCredentials({ query: { owner, limit: 1, cursor }, throwOnError: true });
    all.push(...data.data);
    cursor = data.next;
  } while (cursor);
  return all;
}

async function main(): Promise<void> {
  client.setConfig({ baseUrl: given('LATCHKEY_URL'), auth: () => given('LATCHKEY_KEY') });
  const held = await everyOne(given('LATCHKEY_OWNER'));
  const old = held.find((c) => c.system === 'tempo' && c.state === 'active');
  if (!old?.expires_at) throw new Error(`no key of tempo among ${JSON.stringify(held)}`);

  const once = randomUUID();
  const rotate = () => rotateCredential({
    path: { id: old.id },
    headers: { 'Idempotency-Key': once },
    body: { newKeyExpiresAt: old.expires_at!, rotateReason: 'Scheduled rotation', metadata: { rotatedBy: 'a pipeline' } },
    throwOnError: true,
  });
  let answer = await rotate();
  while (answer.response.status === 202) {
    await new Promise((again) => setTimeout(again, 1000));
    answer = await rotate();
  }
  const made = answer.data.data;
  if (!made.encryption || !made.encryptedSecret) throw new Error(`no key came: ${JSON.stringify(made)}`);
  const psk = Buffer.from(given('LATCHKEY_PSK'), 'base64');
  const key = open(open(psk, made.encryption.keyWrap, made.id), made.encryptedSecret, made.id).toString();

  const revoked = await revokeCredential({
    path: { id: old.id },
    headers: { 'Idempotency-Key': randomUUID() },
    body: { reason: 'Replaced, and its replacement works.' },
    throwOnError: true,
  });
  const fresh = await getCredential({ path: { id: made.id }, throwOnError: true });
  const people = await listPeople();

  process.stdout.write(JSON.stringify({
    old: old.id, state: revoked.data.state, fresh: fresh.data.id, replaces: fresh.data.replaces, key,
    refused: people.error?.status, why: people.error?.code,
  }));
}

main().catch((err) => {
  process.stderr.write(`${err instanceof Error ? err.stack : JSON.stringify(err)}\n`);
  process.exitCode = 1;
});
