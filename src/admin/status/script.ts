/** How often a page asks anew. */
export const refreshSeconds = 10;

/**
 * Fetches the page again and replaces the parts that have changed. A part stays where somebody has marked words in it, or
 * has the focus. What it says stands in the page, so that it is one script for all and has one hash.
 */
export const script = `
(() => {
  const partsOf = (page) => [...page.querySelectorAll('[data-part]')];
  const namesOf = (page) => partsOf(page).map(({ dataset }) => dataset.part).join();
  const notice = document.getElementById('notice');
  const button = document.getElementById('pause');
  let paused = false, ended = false, timer = 0;
  const tell = (name) => {
    const words = name ? notice.dataset[name] : '';
    if (notice.textContent !== words) notice.textContent = words;
  };
  const isRead = (part) => {
    const marked = getSelection();
    if (marked && !marked.isCollapsed && part.contains(marked.anchorNode)) return true;
    return part !== document.activeElement && part.contains(document.activeElement);
  };
  const put = (next) => {
    if (namesOf(next) !== namesOf(document))
      document.querySelector('main').replaceWith(document.importNode(next.querySelector('main'), true));
    for (const part of partsOf(document)) {
      const other = next.querySelector('[data-part="' + part.dataset.part + '"]');
      if (!other || other.outerHTML === part.outerHTML || isRead(part)) continue;
      part.replaceWith(document.importNode(other, true));
    }
    document.title = next.title;
    const icon = next.querySelector('link[rel=icon]');
    if (icon) document.querySelector('link[rel=icon]').href = icon.href;
  };
  const refresh = async () => {
    try {
      const answer = await fetch(location.href, { cache: 'no-store', headers: { accept: 'text/html' } });
      if (answer.status >= 400 && answer.status < 500) { ended = true; return tell('ended'); }
      if (!answer.ok) throw new Error(answer.status);
      put(new DOMParser().parseFromString(await answer.text(), 'text/html'));
      tell(paused ? 'paused' : '');
    } catch {
      tell('silent');
    }
  };
  const next = () => {
    clearTimeout(timer);
    if (!ended && !paused && !document.hidden) timer = setTimeout(() => refresh().then(next), ${refreshSeconds * 1000});
  };
  button.addEventListener('click', () => {
    paused = !paused;
    button.textContent = paused ? button.dataset.on : button.dataset.off;
    tell(paused ? 'paused' : '');
    if (paused) clearTimeout(timer);
    else refresh().then(next);
  });
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden && !paused && !ended) refresh().then(next);
  });
  document.documentElement.classList.add('live');
  next();
})();
`;
