// Makes what is too wide for the window fit: tables become closer, then cards; equations smaller.
(() => {
  const wider = (node, box) => node.getBoundingClientRect().width > box.clientWidth + 1;

  function named(table) { // each cell gets the names of its column, for cards
    const columns = [];
    for (const row of table.tHead ? table.tHead.rows : []) {
      let place = 0;
      for (const cell of row.cells) {
        for (let k = 0; k < cell.colSpan; k++, place++) {
          columns[place] = [...(columns[place] || []), cell.innerText.trim()];
        }
      }
    }
    for (const row of table.querySelectorAll("tbody tr")) {
      const first = columns.length - row.cells.length; // left ones may span rows above
      [...row.cells].forEach((cell, i) => {
        const words = (columns[first + i] || []).filter(Boolean);
        cell.dataset.label = [...new Set(words)].join(" · ");
        if (cell.childNodes.length < 2) return;
        const whole = document.createElement("span"); // one item beside the name, not one per link
        whole.append(...cell.childNodes);
        cell.append(whole);
      });
    }
    const cells = [...table.querySelectorAll("tbody td")];
    const short = (text) => text.trim().length <= 5;
    table.classList.toggle("short", cells.every((c) => short(c.innerText) && short(c.dataset.label)));
  }

  function tidied(table) { // what pandas writes, as a reader expects it
    const [last] = [...(table.tHead ? table.tHead.rows : [])].slice(-1);
    const before = last && last.previousElementSibling;
    const named = last ? [...last.cells].filter((cell) => cell.innerText.trim()) : [];
    if (before && last.cells.length === before.cells.length && named.length < last.cells.length &&
        named.every((cell, i) => cell === last.cells[i])) { // a row for the names of the index alone
      named.forEach((cell, i) => {
        const across = before.cells[i].innerText.trim(); // the name of the columns
        before.cells[i].textContent = across ? `${cell.innerText} \\ ${across}` : cell.innerText;
      });
      last.remove();
    }
    for (const cell of table.querySelectorAll("tbody td")) {
      if (cell.children.length) continue;
      const words = cell.textContent;
      const better = words.trim() === "NaN" ? "–"
        : words.replace(/\[[-+\d., ]*\]/g, (ends) => ends.replace(/ /g, "\u00a0")).replace(/\//g, "/\u200b");
      if (better !== words) cell.textContent = better;
    }
  }

  function opened(image) { // a click or tap opens the picture alone, where it can be enlarged
    const link = document.createElement("a");
    link.href = image.src;
    link.className = "enlarge";
    if (!image.closest("a")) { image.replaceWith(link); link.append(image); }
  }

  const tall = (table) => innerWidth < 600 && [...table.rows].some((row) => row.clientHeight > 150);

  function fit() {
    for (const table of document.querySelectorAll("article table")) {
      const box = table.parentElement;
      table.classList.remove("close", "cards");
      if (wider(table, box)) table.classList.add("close");
      if (wider(table, box) || tall(table)) {
        if (!table.dataset.named) named(table);
        table.dataset.named = "yes";
        table.classList.add("cards");
      }
    }
    for (const formula of document.querySelectorAll("mjx-container")) {
      formula.style.fontSize = "";
      const box = formula.closest("p, li, td, div.math, article");
      const inner = formula.querySelector("mjx-math") || formula;
      const share = box.clientWidth / inner.getBoundingClientRect().width;
      if (share < 1) formula.style.fontSize = `${Math.floor(98 * share)}%`;
    }
  }

  let waiting;
  addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(fit, 100); });
  addEventListener("load", () => {
    document.querySelectorAll(".cell_output table").forEach(tidied);
    document.querySelectorAll("article img").forEach(opened);
    fit();
    const mathjax = window.MathJax && window.MathJax.startup;
    if (mathjax && mathjax.promise) mathjax.promise.then(fit);
  });
})();
