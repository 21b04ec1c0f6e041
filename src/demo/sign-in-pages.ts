import { html, type Markup, page } from './markup.ts';
import { type DemoPerson, demoPassword } from './people.ts';

const header = html`<strong>Demo sign-in service</strong><span class="soft">an OpenID provider inside the demo</span>`;

function personCard({ login, name, role, groups }: DemoPerson): Markup {
  return html`<form method="post"><input type="hidden" name="login" value="${login}"><input type="hidden" name="password" value="${demoPassword}"><button><b>${name}</b>${role}<br><span class="soft">${groups.join(' · ')}</span></button></form>`;
}

/**
 * The page on which somebody says who they are.
 * @param failedLogin the name that was tried just now, with a password that does not belong to it
 */
export function signInPage(people: readonly DemoPerson[], failedLogin?: string): string {
  const error = html`<p class="error" role="alert">That name and password don’t belong together. Both are below.</p>`;
  return page({
    title: 'Sign in – Demo sign-in service',
    header,
    main: html`<h1>Who would you like to be?</h1>
<p>The application that you asked for knows nothing of signing in. Sallyport sent you here, and takes you back when you have chosen.</p>
<div class="people">${people.map(personCard)}</div>
<h2>Or as usual</h2>
${failedLogin === undefined ? undefined : error}
<form method="post" class="card">
<label>Name <span class="soft">(${people.map(({ login }) => login).join(', ')})</span> <input name="login" value="${failedLogin}" autocomplete="username" autocapitalize="none" spellcheck="false" required></label>
<label>Password <span class="soft">(it is <code>${demoPassword}</code> for everybody)</span> <input type="password" name="password" autocomplete="current-password" required></label>
<button>Sign in</button>
</form>`,
  });
}

/** The page on which somebody confirms that they leave; `form` is the provider's own, without a button. */
export function signOutPage(form: string): string {
  return page({
    title: 'Sign out – Demo sign-in service',
    header,
    main: html`<h1>Leave the sign-in service too?</h1>
<p>Your session in the application has ended already. Sign out here as well, and you can come back as somebody else.</p>
${{ html: form }}<p><button form="op.logoutForm" name="logout" value="yes" autofocus>Sign out</button></p>`,
  });
}

/** Where somebody ends who signed out with nowhere to return to. */
export function signedOutPage(): string {
  return page({
    title: 'Signed out – Demo sign-in service',
    header,
    main: html`<h1>You are signed out</h1><p>You may close this page.</p>`,
  });
}

export function errorPage(title: string, detail: string): string {
  return page({
    title: `${title} – Demo sign-in service`,
    header,
    main: html`<h1>${title}</h1><p class="error">${detail}</p>`,
  });
}
