/**
 * The page's behaviour: tables sort by a click on a head, and an arm chosen in a legend is highlighted in every chart.
 * Runs in the reader's browser.
 */
export const pageScript = `
document.addEventListener('click', (event) => {
  const head = event.target.closest('.sortable th');
  if (head) sortBy(head);
  const arm = event.target.closest('.legend button');
  if (arm) highlight(arm.getAttribute('aria-pressed') === 'true' ? undefined : arm.dataset.arm);
});
function sortBy(head) {
  const table = head.closest('table');
  const column = [...head.parentNode.children].indexOf(head);
  sortTable(table, column, head.getAttribute('aria-sort') === 'descending' ? 1 : -1);
}
function sortTable(table, column, direction) {
  const head = table.tHead.rows[0].children[column];
  for (const other of head.parentNode.children) other.removeAttribute('aria-sort');
  head.setAttribute('aria-sort', direction > 0 ? 'ascending' : 'descending');
  const value = (row) => {
    const text = row.children[column].textContent.trim().replace('\\u2212', '-').replace(/,/g, '');
    const time = /^(?:(\\d+)h)?(?:(\\d+)m)?(?:([\\d.]+)s)?$/.exec(text);
    if (text !== '' && time) return 3600 * (time[1] ?? 0) + 60 * (time[2] ?? 0) + Number(time[3] ?? 0);
    if (text.startsWith('<')) return parseFloat(text.slice(1)) / 2; // less than that
    return /^[-+]?[\\d.]/.test(text) ? parseFloat(text) : text;
  };
  const rows = [...table.tBodies[0].rows];
  rows.sort((a, b) => {
    const [x, y] = [value(a), value(b)];
    if (typeof x !== typeof y) return typeof x === 'number' ? -1 : 1; // missing values come last
    return direction * (typeof x === 'number' ? x - y : x.localeCompare(y));
  });
  table.tBodies[0].append(...rows);
}
function highlight(arm) {
  for (const button of document.querySelectorAll('.legend button')) button.setAttribute('aria-pressed', String(button.dataset.arm === arm));
  for (const mark of document.querySelectorAll('[data-arm]:not(button)')) mark.classList.toggle('faded', arm !== undefined && mark.dataset.arm !== arm);
}
`;
