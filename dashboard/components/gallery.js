// Thumbnails to choose a picture from. data = { pictures: [{ id, title, thumbnail }], chosen }
// Trigger sent to Python: picked = id.

export default function ({ data, parentElement, setTriggerValue }) {
  const gallery = parentElement.querySelector(".gallery");
  gallery.replaceChildren(
    ...data.pictures.map(({ id, title, thumbnail }) => {
      const button = document.createElement("button");
      const picture = document.createElement("img");
      picture.src = thumbnail;
      picture.alt = title;
      button.type = "button";
      button.title = title;
      button.setAttribute("aria-pressed", String(id === data.chosen));
      button.append(picture);
      button.onclick = () => setTriggerValue("picked", id);
      return button;
    }),
  );
}
