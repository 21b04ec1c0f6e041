/**
 * The container's health check: exit code 0 when the gateway's `/healthz` answers 200. It asks where the
 * environment puts the admin endpoints; a configuration file that moves them needs SALLYPORT_ADMIN_LISTEN
 * instead, or a container without this check.
 */
const listen = process.env.SALLYPORT_ADMIN_LISTEN ?? '127.0.0.1:4181';
// The addresses that mean "every interface" are none to connect to.
const address = listen.replace(/^(0\.0\.0\.0|\[::\])?:/, '127.0.0.1:');
try {
  const response = await fetch(`http://${address}/healthz`, { signal: AbortSignal.timeout(4000) });
  if (!response.ok) throw new Error(`it answered ${response.status}`);
} catch (error) {
  console.error(`http://${address}/healthz: ${error.cause?.code ?? error.message}`);
  process.exitCode = 1;
}
