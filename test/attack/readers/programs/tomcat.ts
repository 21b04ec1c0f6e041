import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startChild } from '../../../support/child.ts';
import type { Reader } from '../reader.ts';
import { type Place, startWithPorts } from './start.ts';

const home = '/usr/share/tomcat10';

const settings = [
  { name: 'as it comes', attributes: '' },
  { name: 'encoded slash decoded', attributes: 'encodedSolidusHandling="decode"' },
  { name: 'encoded slash passed', attributes: 'encodedSolidusHandling="passthrough"' },
  {
    name: 'relaxed',
    attributes:
      'encodedSolidusHandling="decode" relaxedPathChars="&quot;&lt;&gt;[\\]^`{|}" URIEncoding="ISO-8859-1"',
  },
];

/** What the container has mapped, and what applications make of the raw URI by themselves. */
const page = `<%@page contentType="application/json" pageEncoding="UTF-8" trimDirectiveWhitespaces="true"%><%!
String quote(String text) {
  if (text == null) return "null";
  StringBuilder quoted = new StringBuilder("\\"");
  for (byte b : text.getBytes(java.nio.charset.StandardCharsets.UTF_8)) quoted.append(String.format("\\\\u%04x", b & 0xff));
  return quoted.append('"').toString();
}
String decode(String text) {
  try { return java.net.URLDecoder.decode(text, "UTF-8"); } catch (RuntimeException error) { return null; }
  catch (java.io.UnsupportedEncodingException error) { return null; }
}
String resolve(String text) {
  try { return java.net.URI.create(text).normalize().getPath(); } catch (RuntimeException error) { return null; }
}%><%
String uri = request.getRequestURI();
String served = request.getServletPath() + (request.getPathInfo() == null ? "" : request.getPathInfo());
out.print("{\\"servlet path\\":" + quote(served)
  + ",\\"request URI\\":" + quote(uri)
  + ",\\"request URI, decoded\\":" + quote(decode(uri))
  + ",\\"request URI, parameters cut, decoded\\":" + quote(decode(uri.replaceAll(";[^/]*", "")))
  + ",\\"java.net.URI\\":" + quote(resolve(uri)) + "}");
%>`;

export const tomcat: Reader = {
  name: 'Tomcat',
  start: () =>
    startWithPorts(settings, async (place) => {
      await writeBase(place);
      const { folder } = place;
      const jars = ['bootstrap.jar', 'tomcat-juli.jar'].map((name) => `${home}/bin/${name}`).join(':');
      const options = ['-Xshare:auto', '-XX:TieredStopAtLevel=1', '-Xmx256m', '-Djava.awt.headless=true'];
      const properties = [
        `-Dcatalina.home=${home}`,
        `-Dcatalina.base=${folder}`,
        `-Djava.io.tmpdir=${folder}/temp`,
      ];
      const args = [...options, ...properties, '-cp', jars, 'org.apache.catalina.startup.Bootstrap', 'start'];
      return startChild('java', args, {
        ready: async () =>
          (await fetch(`http://127.0.0.1:${place.ports.at(-1)}/`).catch(() => undefined))?.ok ?? false,
        readyWithin: 60_000,
        install: 'apt-get install tomcat10',
      });
    }),
};

/** A CATALINA_BASE with one application, whose one page answers for every path. */
async function writeBase({ folder, ports }: Place): Promise<void> {
  for (const below of ['conf', 'temp', 'logs', 'work', 'webapps/ROOT/WEB-INF'])
    await mkdir(join(folder, below), { recursive: true });
  const connectors = settings.map(
    ({ attributes }, index) =>
      `<Connector port="${ports[index]}" address="127.0.0.1" maxKeepAliveRequests="-1" maxThreads="20" ${attributes}/>`,
  );
  await writeFile(
    join(folder, 'conf/server.xml'),
    `<Server port="-1"><Service name="Catalina">${connectors.join('')}
<Engine name="Catalina" defaultHost="localhost"><Host name="localhost" appBase="webapps" autoDeploy="false"/></Engine>
</Service></Server>`,
  );
  await writeFile(
    join(folder, 'conf/web.xml'),
    `<web-app xmlns="https://jakarta.ee/xml/ns/jakartaee" version="5.0">
<servlet><servlet-name>page</servlet-name><jsp-file>/WEB-INF/page.jsp</jsp-file></servlet>
<servlet><servlet-name>jsp</servlet-name><servlet-class>org.apache.jasper.servlet.JspServlet</servlet-class></servlet>
<servlet-mapping><servlet-name>page</servlet-name><url-pattern>/*</url-pattern></servlet-mapping>
</web-app>`,
  );
  await writeFile(join(folder, 'webapps/ROOT/WEB-INF/page.jsp'), page);
}
