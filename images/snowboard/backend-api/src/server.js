import { makeApp } from "./app.js";

const port = Number(process.env.PORT ?? 3001);
const poseUrl = process.env.POSE_SERVICE_URL ?? "http://pose-service:5000";

const server = makeApp({ poseUrl }).listen(port, "0.0.0.0", () => {
  console.log(`backend-api listens on ${port}, pose service at ${poseUrl}`);
});

// Node as process 1 gets no default action for signals: without this, "docker stop" waits 10 s.
for (const signal of ["SIGTERM", "SIGINT"]) {
  process.on(signal, () => {
    server.close(() => process.exit(0));
    server.closeIdleConnections();
  });
}
