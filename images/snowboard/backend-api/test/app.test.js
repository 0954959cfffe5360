import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { makeApp } from "../src/app.js";

const asked = [];
let server;
let base;

async function poseService(url, init) {
  asked.push({ url: String(url), method: init.method ?? "GET", body: init.body });
  if (init.body?.includes("down")) throw new Error("connection refused");
  return Response.json({ joints: 24 }, { status: 200 });
}

before(async () => {
  const app = makeApp({ poseUrl: "http://pose:5000", request: poseService });
  await new Promise((ready) => {
    server = app.listen(0, "127.0.0.1", ready);
  });
  base = `http://127.0.0.1:${server.address().port}`;
});

after(() => server.close());

const post = (body) =>
  fetch(`${base}/api/pose`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
  });

test("health answers without the pose service", async () => {
  const answer = await fetch(`${base}/health`);
  assert.equal(answer.status, 200);
  assert.equal((await answer.json()).status, "ok");
});

test("a pose goes to the pose service as it came", async () => {
  const answer = await post('{"betas":[1]}');
  assert.equal(answer.status, 200);
  assert.deepEqual(asked.at(-1), {
    url: "http://pose:5000/pose",
    method: "POST",
    body: '{"betas":[1]}',
  });
});

test("a pose service that is away is a 502 with its reason", async () => {
  const answer = await post('{"note":"down"}');
  assert.equal(answer.status, 502);
  assert.match((await answer.json()).error, /connection refused/);
});

test("text that is not JSON is a 400", async () => {
  assert.equal((await post("{")).status, 400);
});
