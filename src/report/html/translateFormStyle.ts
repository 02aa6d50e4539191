/** Style of a page with a field for text and a button that translates it. */
export const translateFormStyle = `
main { max-width: 46rem }
form label { display: block; font-weight: 600; margin: .8rem 0 .3rem }
textarea, input { box-sizing: border-box; width: 100%; font: inherit; color: inherit; background: var(--back); border: 1px solid var(--line); border-radius: 6px; padding: .6rem; resize: vertical }
textarea:focus-visible, input:focus-visible, button:focus-visible { outline: 2px solid var(--s1); outline-offset: 1px }
.row { display: flex; align-items: center; gap: .8rem; margin: .7rem 0 }
button[type=submit] { font: inherit; font-weight: 600; color: #fff; background: #1f6fd1; border: 0; border-radius: 6px; padding: .55rem 1.1rem; cursor: pointer }
button[type=submit]:disabled { opacity: .6; cursor: progress }
.error { color: var(--bad) }
`;
