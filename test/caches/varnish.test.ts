import { test } from 'tap';
import { startVarnish } from '../support/fronts.ts';
import { checkCache } from './check.ts';

test('Varnish as a shared cache never gives a person’s session or page to the next', (t) =>
  checkCache(t, (gateway) =>
    startVarnish(() => {
      const [host, port] = gateway.split(':');
      return `vcl 4.1;
import std;
backend default { .host = "${host}"; .port = "${port}"; }

# Looks for everything in the cache, whoever asks: Varnish by itself passes what has a cookie.
sub vcl_recv {
  if (req.method != "GET" && req.method != "HEAD") { return (pass); }
  return (hash);
}

# A CDN in small: what is meant for it wins, in the order in which CDNs read it, and a cookie keeps nothing out.
sub vcl_backend_response {
  set beresp.grace = 0s;
  set beresp.keep = 1h;
  if (beresp.http.CDN-Cache-Control) {
    set beresp.http.said = beresp.http.CDN-Cache-Control;
  } else if (beresp.http.Surrogate-Control) {
    set beresp.http.said = beresp.http.Surrogate-Control;
  } else if (beresp.http.Edge-Control) {
    set beresp.http.said = regsub(beresp.http.Edge-Control, "!no-store", "");
  } else if (beresp.http.Fastest-Cache-Control) {
    set beresp.http.said = beresp.http.Fastest-Cache-Control;
  } else {
    set beresp.http.said = beresp.http.Cache-Control;
  }
  # As Varnish by itself has it, with one more for private="…", which is for that header alone.
  if (regsub(beresp.http.said, "(?i)(private|no-cache)\\s*=", "") ~ "(?i)no-cache|no-store|private") {
    set beresp.ttl = 120s;
    set beresp.uncacheable = true;
    return (deliver);
  }
  if (beresp.http.said ~ "max-age=[1-9]") {
    set beresp.ttl = std.duration(regsub(beresp.http.said, ".*max-age=([0-9]+).*", "\\1s"), 0s);
  } else if (beresp.ttl <= 0s) {
    set beresp.ttl = 120s;
  }
  return (deliver);
}
`;
    }),
  ));
