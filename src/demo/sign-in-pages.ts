import { html, type Markup, page } from './markup.ts';
import { type DemoPerson, demoPassword } from './people.ts';

const header = html`<strong>Demo sign-in service</strong><span class="soft">an OpenID provider inside the demo</span>`;

function personCard({ login, name, role, groups }: DemoPerson): Markup {
  return html`<form method="post"><input type="hidden" name="login" value="${login}"><input type="hidden" name="password" value="${demoPassword}"><button><b>${name}</b>${role}<br><span class="soft">${groups.join(' · ')}</span></button></form>`;
}

/** The page on which somebody says who they are. */
export function signInPage(people: readonly DemoPerson[], failed: boolean): string {
  return page(
    'Sign in',
    header,
    html`<h1>Who would you like to be?</h1>
<p>The application that you asked for knows nothing of signing in. Sallyport sent you here, and takes you back when you have chosen.</p>
${failed ? html`<p class="error" role="alert">That name and password don’t belong together. The password of everybody here is <code>${demoPassword}</code>.</p>` : undefined}
<div class="people">${people.map(personCard)}</div>
<h2>Or as usual</h2>
<form method="post" class="card">
<label>Name <input name="login" autocomplete="username" required></label>
<label>Password <span class="soft">(it is <code>${demoPassword}</code> for everybody)</span> <input type="password" name="password" autocomplete="current-password" required></label>
<button>Sign in</button>
</form>`,
  );
}

/** The page on which somebody confirms that they leave; `form` is the provider's own, without a button. */
export function signOutPage(form: string): string {
  return page(
    'Sign out',
    header,
    html`<h1>Leave the sign-in service too?</h1><p>Your session in the application has ended already.</p>${{ html: form }}<p><button form="op.logoutForm" name="logout" value="yes" autofocus>Sign out</button></p>`,
  );
}

export function signedOutPage(): string {
  return page('Signed out', header, html`<h1>You are signed out</h1><p>You may close this page.</p>`);
}

export function errorPage(title: string, detail: string): string {
  return page(title, header, html`<h1>${title}</h1><p class="error">${detail}</p>`);
}
